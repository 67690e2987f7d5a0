with

mkt_budgets as (

    {{ accepted_rows('erp', 'mkt_budgets', {'budget_id': 'text'}) }}

),

final as (

    select
        mkt_budgets.budget_id,
        {{ clean_text('mkt_budgets.region_code') }} as region_code,
        nullif(mkt_budgets.campaign_id, '') as campaign_id,

        {{ clean_text('mkt_budgets.period') }} as period,
        {{ clean_text('mkt_budgets.plan_name') }} as plan_name,
        {{ clean_text('mkt_budgets.bucket') }} as bucket,
        {{ clean_text('mkt_budgets.product_line') }} as product_line,
        {{ clean_text('mkt_budgets.product_tier') }} as product_tier,
        {{ clean_text('mkt_budgets.channel') }} as channel,
        mkt_budgets.is_contingency,

        mkt_budgets.planned_amount
    from mkt_budgets

)

select * from final
