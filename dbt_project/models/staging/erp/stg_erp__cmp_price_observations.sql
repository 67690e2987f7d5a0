with

cmp_price_observations as (

    {{
        accepted_rows('erp', 'cmp_price_observations', {
            'obs_date': 'date', 'competitor_id': 'text', 'platform': 'text', 'comp_sku': 'text'
        })
    }}

),

final as (

    select
        cmp_price_observations.obs_date,
        cmp_price_observations.competitor_id,
        cmp_price_observations.platform,
        cmp_price_observations.comp_sku,
        nullif(cmp_price_observations.matched_sku, '') as matched_sku,

        cmp_price_observations.is_promo,

        cmp_price_observations.power_w,
        cmp_price_observations.price
    from cmp_price_observations

)

select * from final
