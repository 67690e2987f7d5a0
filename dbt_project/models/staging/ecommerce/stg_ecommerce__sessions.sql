with

sessions as (

    {{ accepted_rows('ecommerce', 'web_sessions', {'session_id': 'text'}) }}

),

final as (

    select
        sessions.session_id,
        nullif(sessions.user_id, '') as user_id,
        nullif(sessions.visitor_id, '') as visitor_id,
        nullif(sessions.campaign_id, '') as campaign_id,
        nullif(sessions.landing_page_id, '') as landing_page_id,
        nullif(sessions.order_id, '') as order_id,

        {{ clean_text('sessions.platform') }} as platform,
        {{ clean_text('sessions.device_type') }} as device_type,
        {{ clean_text('sessions.traffic_source') }} as traffic_source,
        sessions.is_paid,
        sessions.is_ai_engine,
        {{ clean_text('sessions.experiment_variant') }} as experiment_variant,
        sessions.is_new_visitor,

        sessions.duration_s,
        sessions.page_views,
        sessions.max_depth,

        sessions.started_at
    from sessions

)

select * from final
