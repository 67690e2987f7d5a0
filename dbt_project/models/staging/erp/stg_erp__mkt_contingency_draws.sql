with

mkt_contingency_draws as (

    {{ accepted_rows('erp', 'mkt_contingency_draws', {'draw_id': 'text'}) }}

),

final as (

    select
        mkt_contingency_draws.draw_id,
        nullif(mkt_contingency_draws.campaign_id, '') as campaign_id,

        {{ clean_text('mkt_contingency_draws.trigger_event') }} as trigger_event,

        mkt_contingency_draws.amount,
        mkt_contingency_draws.attributed_revenue,
        mkt_contingency_draws.attributed_margin,

        mkt_contingency_draws.triggered_at,
        mkt_contingency_draws.approved_at,
        mkt_contingency_draws.deployed_at
    from mkt_contingency_draws

)

select * from final
