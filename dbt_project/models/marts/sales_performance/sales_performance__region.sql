with

months as (

    select * from {{ ref('sales_performance__trend_period') }}
    where period_type = 'month'

),

regions as (

    select * from {{ ref('dim_region') }}

),

by_region as (

    select
        months.period_start as month_start,
        months.region_code,
        months.currency,
        min(regions.province) as province,
        min(months.macro_region) as macro_region,
        min(regions.country) as country,
        min(regions.market_group) as market_group,
        bool_and(months.is_complete_period) as is_complete_period,
        sum(months.revenue) as revenue,
        sum(months.revenue_a_year_ago) as revenue_a_year_ago,
        sum(months.refund_amount) as refund_amount,
        sum(months.units)::bigint as units,
        sum(months.costed_revenue) as costed_revenue,
        sum(months.gross_profit) as gross_profit
    from months
    left join regions on months.region_code = regions.region_code
    group by 1, 2, 3

),

with_totals as (

    select
        *,
        sum(revenue) over (partition by month_start, currency) as total_revenue,
        sum(revenue) over (partition by month_start, currency, macro_region) as macro_region_revenue,
        sum(revenue_a_year_ago) over (
            partition by month_start, currency, macro_region
        ) as macro_region_revenue_a_year_ago
    from by_region

),

final as (

    select
        month_start,
        region_code,
        currency,
        province,
        macro_region,
        country,
        market_group,
        is_complete_period,
        revenue::numeric(20, 4) as revenue,
        revenue_a_year_ago::numeric(20, 4) as revenue_a_year_ago,
        refund_amount::numeric(20, 4) as refund_amount,
        units,
        costed_revenue::numeric(20, 4) as costed_revenue,
        gross_profit::numeric(20, 4) as gross_profit,
        total_revenue::numeric(20, 4) as total_revenue,
        macro_region_revenue::numeric(20, 4) as macro_region_revenue,
        macro_region_revenue_a_year_ago::numeric(20, 4) as macro_region_revenue_a_year_ago,
        (revenue / nullif(total_revenue, 0))::numeric(28, 8) as region_sales_share,
        (macro_region_revenue / nullif(total_revenue, 0))::numeric(28, 8) as macro_region_sales_share,
        (revenue / nullif(revenue_a_year_ago, 0) - 1)::numeric(28, 8) as yoy_sales_growth_rate,
        (macro_region_revenue / nullif(macro_region_revenue_a_year_ago, 0) - 1)::numeric(28, 8)
            as macro_region_yoy_sales_growth_rate,
        (gross_profit / nullif(costed_revenue, 0))::numeric(28, 8) as gross_margin_rate
    from with_totals

)

select * from final
