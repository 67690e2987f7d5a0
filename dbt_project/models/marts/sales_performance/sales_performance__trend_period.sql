{{ config(post_hook='{{ analyze() }}') }}

{%- set amounts = [
    'revenue', 'refund_amount', 'revenue_net_of_refunds', 'discount_amount', 'costed_revenue', 'online_revenue'
] -%}
{%- set counts = ['units', 'returned_units', 'line_count', 'order_count', 'orders_in_cell'] %}

with

trend as (

    select * from {{ ref('sales_performance__trend') }}

),

business_day as (

    select * from {{ ref('business_day') }}

),

period_types (period_type, period_length) as (

    values
    ('month', interval '1 month'),
    ('quarter', interval '3 months'),
    ('year', interval '1 year')

),

comparisons as (

    select
        period_type,
        period_length,
        'current' as comparison,
        interval '0' as shift
    from period_types
    union all
    select
        period_type,
        period_length,
        'a_year_ago' as comparison,
        interval '1 year' as shift
    from period_types
    union all
    select
        period_type,
        period_length,
        'preceding_period' as comparison,
        period_length as shift
    from period_types

),

-- A day of a base period counts against the period under way when the same day of its own month has been reached;
-- at the end of a month all days of a longer month have been. Which days those are depends on no shift, so days fold
-- into months before they are compared.
calendar as (

    select
        business_day,
        date_trunc('month', business_day)::date as business_month,
        case
            when business_day = (date_trunc('month', business_day) + interval '1 month - 1 day')::date then 31
            else extract(day from business_day)
        end as last_day_reached
    from business_day

),

-- An order has one day, so the orders of a cell add up over days (though not over product lines).
-- Days that only carry a base of a year ago are left out: bases are taken anew below, for every comparison.
months as (

    select
        date_trunc('month', trend.day)::date as month_start,
        extract(day from trend.day) <= calendar.last_day_reached as is_reached,
        trend.product_line,
        trend.region_code,
        trend.channel_id,
        trend.platform,
        trend.currency,
        min(trend.macro_region) as macro_region,
        min(trend.channel_group) as channel_group,
        sum(trend.revenue) as revenue,
        sum(trend.refund_amount) as refund_amount,
        sum(trend.revenue_net_of_refunds) as revenue_net_of_refunds,
        sum(trend.discount_amount) as discount_amount,
        sum(trend.costed_revenue) as costed_revenue,
        sum(trend.gross_profit) as gross_profit,
        sum(trend.units) as units,
        sum(trend.returned_units) as returned_units,
        sum(trend.line_count) as line_count,
        sum(trend.order_count) as order_count,
        sum(trend.orders_in_cell) as orders_in_cell,
        sum(trend.online_revenue) as online_revenue,
        sum(trend.mobile_revenue) as mobile_revenue
    from trend
    cross join calendar
    where trend.line_count > 0 or trend.returned_units <> 0 or trend.refund_amount <> 0
    group by 1, 2, 3, 4, 5, 6, 7

),

first_month as (

    select min(month_start) as month_start
    from months
    where line_count > 0

),

compared as (

    select
        comparisons.period_type,
        comparisons.period_length,
        comparisons.comparison,
        date_trunc(comparisons.period_type, months.month_start + comparisons.shift)::date as period_start,
        months.*
    from months
    cross join comparisons
    cross join calendar
    where
        (comparisons.comparison = 'current' or months.line_count > 0)
        and (
            months.month_start + comparisons.shift < calendar.business_month
            or (months.month_start + comparisons.shift = calendar.business_month and months.is_reached)
        )

),

periods as (

    select
        period_type,
        period_length,
        period_start,
        product_line,
        region_code,
        channel_id,
        platform,
        currency,
        min(macro_region) as macro_region,
        min(channel_group) as channel_group,
        {%- for measure in amounts + counts %}
        coalesce(sum({{ measure }}) filter (where comparison = 'current'), 0) as {{ measure }},
        {%- endfor %}
        sum(revenue) filter (where comparison = 'a_year_ago') as revenue_a_year_ago,
        sum(revenue) filter (where comparison = 'preceding_period') as revenue_preceding_period,
        sum(order_count) filter (where comparison = 'a_year_ago') as order_count_a_year_ago,
        sum(order_count) filter (where comparison = 'preceding_period') as order_count_preceding_period,
        sum(orders_in_cell) filter (where comparison = 'a_year_ago') as orders_in_cell_a_year_ago,
        sum(orders_in_cell) filter (where comparison = 'preceding_period') as orders_in_cell_preceding_period,
        sum(costed_revenue) filter (where comparison = 'a_year_ago') as costed_revenue_a_year_ago,
        sum(gross_profit) filter (where comparison = 'a_year_ago') as gross_profit_a_year_ago,
        sum(gross_profit) filter (where comparison = 'current') as gross_profit,
        sum(mobile_revenue) filter (where comparison = 'current') as mobile_revenue
    from compared
    group by 1, 2, 3, 4, 5, 6, 7, 8

),

rated as (

    select
        periods.*,
        calendar.business_day,
        first_month.month_start as first_month,
        (periods.period_start + periods.period_length - interval '1 day')::date as period_end,
        periods.gross_profit / nullif(periods.costed_revenue, 0) as gross_margin_rate,
        periods.gross_profit_a_year_ago / nullif(periods.costed_revenue_a_year_ago, 0) as gross_margin_rate_a_year_ago,
        periods.revenue / nullif(periods.orders_in_cell, 0) as average_order_value,
        periods.revenue_a_year_ago / nullif(periods.orders_in_cell_a_year_ago, 0) as average_order_value_a_year_ago,
        periods.revenue_preceding_period / nullif(periods.orders_in_cell_preceding_period, 0)
            as average_order_value_preceding_period
    from periods
    cross join calendar
    cross join first_month

),

final as (

    select
        period_type,
        period_start,
        product_line,
        region_code,
        channel_id,
        platform,
        currency,
        macro_region,
        channel_group,
        least(period_end, business_day) as last_day,
        period_end <= business_day as is_complete_period,
        period_start - interval '1 year' >= first_month as is_year_ago_covered,
        period_start - period_length >= first_month as is_preceding_period_covered,
        revenue::numeric(20, 4) as revenue,
        revenue_a_year_ago::numeric(20, 4) as revenue_a_year_ago,
        revenue_preceding_period::numeric(20, 4) as revenue_preceding_period,
        refund_amount::numeric(20, 4) as refund_amount,
        revenue_net_of_refunds::numeric(20, 4) as revenue_net_of_refunds,
        discount_amount::numeric(20, 4) as discount_amount,
        costed_revenue::numeric(20, 4) as costed_revenue,
        costed_revenue_a_year_ago::numeric(20, 4) as costed_revenue_a_year_ago,
        gross_profit::numeric(20, 4) as gross_profit,
        gross_profit_a_year_ago::numeric(20, 4) as gross_profit_a_year_ago,
        units::bigint as units,
        returned_units::bigint as returned_units,
        line_count::bigint as line_count,
        order_count::bigint as order_count,
        order_count_a_year_ago::bigint as order_count_a_year_ago,
        order_count_preceding_period::bigint as order_count_preceding_period,
        orders_in_cell::bigint as orders_in_cell,
        orders_in_cell_a_year_ago::bigint as orders_in_cell_a_year_ago,
        orders_in_cell_preceding_period::bigint as orders_in_cell_preceding_period,
        online_revenue::numeric(20, 4) as online_revenue,
        mobile_revenue::numeric(20, 4) as mobile_revenue,
        (revenue / nullif(revenue_a_year_ago, 0) - 1)::numeric(28, 8) as yoy_sales_growth_rate,
        (revenue / nullif(revenue_preceding_period, 0) - 1)::numeric(28, 8) as period_on_period_growth_rate,
        gross_margin_rate::numeric(28, 8) as gross_margin_rate,
        (100 * (gross_margin_rate - gross_margin_rate_a_year_ago))::numeric(28, 8) as gross_margin_change_points,
        average_order_value::numeric(20, 4) as average_order_value,
        (average_order_value / nullif(average_order_value_a_year_ago, 0) - 1)::numeric(28, 8)
            as average_order_value_yoy_change,
        (average_order_value / nullif(average_order_value_preceding_period, 0) - 1)::numeric(28, 8)
            as average_order_value_period_change,
        (mobile_revenue / nullif(online_revenue, 0))::numeric(28, 8) as mobile_sales_share
    from rated

)

select * from final
