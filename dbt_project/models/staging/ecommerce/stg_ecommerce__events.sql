with

events as (

    {{ accepted_rows('ecommerce', 'web_events', {'event_id': 'text'}) }}

),

final as (

    select
        events.event_id,
        nullif(events.session_id, '') as session_id,
        nullif(events.user_id, '') as user_id,
        nullif(events.campaign_id, '') as campaign_id,
        nullif(events.page_id, '') as page_id,
        nullif(events.element_id, '') as element_id,
        nullif(events.sku, '') as sku,

        {{ clean_text('events.event_type') }} as event_type,
        {{ clean_text('events.funnel_step') }} as funnel_step,
        events.is_recommended,

        events.pos_x,
        events.pos_y,

        events.occurred_at
    from events

)

select * from final
