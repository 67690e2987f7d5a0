with

live_sessions as (

    {{ accepted_rows('ecommerce', 'web_live_sessions', {'live_id': 'text'}) }}

),

final as (

    select
        live_sessions.live_id,
        nullif(live_sessions.host_id, '') as host_id,

        {{ clean_text('live_sessions.platform') }} as platform,
        live_sessions.is_flash_sale,
        {{ clean_text('live_sessions.script_type') }} as script_type,
        {{ clean_text('live_sessions.assortment_tag') }} as assortment_tag,

        live_sessions.viewers,
        live_sessions.interactions,
        live_sessions.product_clicks,
        live_sessions.orders,
        live_sessions.buyers,
        live_sessions.gmv,

        live_sessions.started_at,
        live_sessions.ended_at
    from live_sessions

)

select * from final
