with

mkt_promotions as (

    {{ accepted_rows('erp', 'mkt_promotions', {'promo_id': 'text', 'sku': 'text'}) }}

),

final as (

    select
        mkt_promotions.promo_id,
        nullif(mkt_promotions.campaign_id, '') as campaign_id,
        mkt_promotions.sku,

        {{ clean_text('mkt_promotions.mechanism') }} as mechanism,
        {{ clean_text('mkt_promotions.phase') }} as phase,
        {{ clean_text('mkt_promotions.item_role') }} as item_role,

        mkt_promotions.discount_rate,
        mkt_promotions.rule_step_count,
        mkt_promotions.target_mix_pct,

        mkt_promotions.start_at,
        mkt_promotions.end_at
    from mkt_promotions

)

select * from final
