with

evt_attendance as (

    {{ accepted_rows('erp', 'evt_attendance', {'event_id': 'text', 'visitor_id': 'text'}) }}

),

final as (

    select
        evt_attendance.event_id,
        evt_attendance.visitor_id,
        nullif(evt_attendance.lead_id, '') as lead_id,
        nullif(evt_attendance.customer_id, '') as customer_id,

        {{ clean_text('evt_attendance.visitor_type') }} as visitor_type,
        {{ clean_text('evt_attendance.booked_slot') }} as booked_slot,
        {{ clean_text('evt_attendance.zone') }} as zone,
        evt_attendance.business_card_flag,

        evt_attendance.dwell_minutes,

        evt_attendance.checked_in_at
    from evt_attendance

)

select * from final
