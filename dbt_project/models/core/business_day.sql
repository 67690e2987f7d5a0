{{ config(materialized='view') }}

with

clock as (

    select * from {{ ref('stg_ops__clock') }}

),

final as (

    select
        clock.business_day,
        clock.build_id
    from clock

)

select * from final
