{{ config(post_hook='{{ analyze() }}') }}

with

months as (

    select * from {{ ref('sales_performance__trend_period') }}
    where period_type = 'month'

),

by_line as (

    select
        period_start as month_start,
        product_line,
        currency,
        bool_and(is_complete_period) as is_complete_period,
        sum(revenue) as revenue,
        sum(revenue_a_year_ago) as revenue_a_year_ago,
        sum(refund_amount) as refund_amount,
        sum(units)::bigint as units,
        sum(costed_revenue) as costed_revenue,
        sum(gross_profit) as gross_profit
    from months
    group by 1, 2, 3

),

with_totals as (

    select
        *,
        sum(revenue) over (partition by month_start, currency) as total_revenue,
        sum(gross_profit) over (partition by month_start, currency) as total_gross_profit
    from by_line

),

final as (

    select
        month_start,
        product_line,
        currency,
        is_complete_period,
        revenue::numeric(20, 4) as revenue,
        revenue_a_year_ago::numeric(20, 4) as revenue_a_year_ago,
        refund_amount::numeric(20, 4) as refund_amount,
        units,
        costed_revenue::numeric(20, 4) as costed_revenue,
        gross_profit::numeric(20, 4) as gross_profit,
        total_revenue::numeric(20, 4) as total_revenue,
        total_gross_profit::numeric(20, 4) as total_gross_profit,
        (revenue / nullif(total_revenue, 0))::numeric(28, 8) as product_line_sales_share,
        (gross_profit / nullif(total_gross_profit, 0))::numeric(28, 8) as product_line_profit_contribution,
        (revenue / nullif(revenue_a_year_ago, 0) - 1)::numeric(28, 8) as yoy_sales_growth_rate,
        (gross_profit / nullif(costed_revenue, 0))::numeric(28, 8) as gross_margin_rate
    from with_totals

)

select * from final
