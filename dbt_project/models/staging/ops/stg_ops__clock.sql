with

clock as (

    select * from {{ source('ops', 'clock') }}

),

final as (

    select
        clock.business_day,
        clock.build_id
    from clock

)

select * from final
