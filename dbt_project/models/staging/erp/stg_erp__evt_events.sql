with

evt_events as (

    {{ accepted_rows('erp', 'evt_events', {'event_id': 'text'}) }}

),

final as (

    select
        evt_events.event_id,
        nullif(evt_events.campaign_id, '') as campaign_id,

        {{ clean_text('evt_events.event_name') }} as event_name,
        {{ clean_text('evt_events.event_type') }} as event_type,
        {{ clean_text('evt_events.city') }} as city,
        {{ clean_text('evt_events.city_tier') }} as city_tier,
        {{ clean_text('evt_events.venue_type') }} as venue_type,

        evt_events.capacity,

        evt_events.start_at,
        evt_events.end_at,
        evt_events.warmup_start
    from evt_events

)

select * from final
