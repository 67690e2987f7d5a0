with

evt_staffing as (

    {{ accepted_rows('erp', 'evt_staffing', {'event_id': 'text', 'emp_id': 'text'}) }}

),

final as (

    select
        evt_staffing.event_id,
        evt_staffing.emp_id,

        {{ clean_text('evt_staffing.staff_role') }} as staff_role,

        evt_staffing.scheduled_hours,
        evt_staffing.active_hours,
        evt_staffing.cost
    from evt_staffing

)

select * from final
