with

evt_calendar as (

    {{ accepted_rows('erp', 'evt_calendar', {'calendar_id': 'text'}) }}

),

final as (

    select
        evt_calendar.calendar_id,
        {{ clean_text('evt_calendar.region_code') }} as region_code,

        {{ clean_text('evt_calendar.calendar_type') }} as calendar_type,
        {{ clean_text('evt_calendar.name') }} as name,
        {{ clean_text('evt_calendar.category') }} as category,

        evt_calendar.start_date,
        evt_calendar.end_date
    from evt_calendar

)

select * from final
