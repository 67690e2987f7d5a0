with

cmp_market_panel as (

    {{ accepted_rows('erp', 'cmp_market_panel', {'panel_id': 'text'}) }}

),

final as (

    select
        cmp_market_panel.panel_id,
        nullif(cmp_market_panel.competitor_id, '') as competitor_id,

        {{ clean_text('cmp_market_panel.period') }} as period,
        {{ clean_text('cmp_market_panel.brand') }} as brand,
        {{ clean_text('cmp_market_panel.category') }} as category,
        {{ clean_text('cmp_market_panel.price_tier') }} as price_tier,
        {{ clean_text('cmp_market_panel.channel_group') }} as channel_group,
        {{ clean_text('cmp_market_panel.province') }} as province,
        {{ clean_text('cmp_market_panel.country') }} as country,
        {{ clean_text('cmp_market_panel.age_band') }} as age_band,
        cmp_market_panel.is_smart,

        cmp_market_panel.sales_value,
        cmp_market_panel.sales_units,
        cmp_market_panel.user_base
    from cmp_market_panel

)

select * from final
