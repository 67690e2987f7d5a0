{{ config(materialized='view') }}

with

business_day as (

    select * from {{ ref('business_day') }}

),

build_window as (

    select * from {{ ref('build_window') }}

),

source_systems as (

    select * from {{ ref('stg_ops__source_systems') }}

),

final as (

    select
        business_day.business_day,
        {{ business_day_start('(business_day.business_day + 1)', 'source_systems.time_zone') }} as known_until,
        {{ business_day_start('(build_window.first_business_day + 1)', 'source_systems.time_zone') }}
            as known_until_before,
        build_window.first_business_day < build_window.last_business_day as is_time_passed
    from business_day
    cross join build_window
    inner join source_systems
        on source_systems.system = 'service'

)

select * from final
