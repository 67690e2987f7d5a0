with

mkt_spend as (

    {{ accepted_rows('erp', 'mkt_spend', {'spend_id': 'text'}) }}

),

final as (

    select
        mkt_spend.spend_id,
        nullif(mkt_spend.campaign_id, '') as campaign_id,
        {{ clean_text('mkt_spend.region_code') }} as region_code,

        {{ clean_text('mkt_spend.channel') }} as channel,
        mkt_spend.is_paid_media,
        {{ clean_text('mkt_spend.product_line') }} as product_line,
        {{ clean_text('mkt_spend.cost_type') }} as cost_type,

        mkt_spend.amount,
        mkt_spend.impressions,
        mkt_spend.clicks,
        mkt_spend.conversions,
        mkt_spend.new_customers,

        mkt_spend.spend_date
    from mkt_spend

)

select * from final
