{{ config(materialized='view') }}

with

clock as (

    select * from {{ ref('stg_ops__clock') }}

),

builds as (

    select * from {{ ref('stg_ops__builds') }}

),

last_built as (

    select max(builds.build_id) as build_id
    from builds
    inner join clock
        on builds.build_id < clock.build_id
    where builds.is_core_built

),

-- Builds that died on the way may have shown another business day to some tables and not to others.
attempted_days as (

    select
        min(builds.business_day) as first_business_day,
        max(builds.business_day) as last_business_day
    from builds
    inner join clock
        on builds.build_id <= clock.build_id
    cross join last_built
    where builds.build_id >= coalesce(last_built.build_id, 0)

),

final as (

    select
        clock.build_id,
        last_built.build_id as last_built_id,
        attempted_days.first_business_day,
        attempted_days.last_business_day
    from clock
    cross join last_built
    cross join attempted_days

)

select * from final
