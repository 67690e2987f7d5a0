with

sku_days as (

    select * from {{ ref('agg_sku_daily') }}

),

lines as (

    select * from {{ ref('sales_performance__product_line') }}

),

products as (

    select * from {{ ref('dim_product') }}
    where is_current

),

business_day as (

    select * from {{ ref('business_day') }}

),

-- The days of a year ago as far as this year has come, each moved to this year's month (29 February: 28 February).
compared as (

    select
        'current' as comparison,
        sku_days.day as compared_day,
        sku_days.*
    from sku_days
    union all
    select
        'a_year_ago' as comparison,
        (sku_days.day + interval '1 year')::date as compared_day,
        sku_days.*
    from sku_days
    cross join business_day
    where
        (sku_days.units <> 0 or sku_days.revenue <> 0)
        and (sku_days.day + interval '1 year')::date <= business_day.business_day

),

-- A SKU that moved to another line within the month counts whole in the line where it was last.
by_sku as (

    select
        date_trunc('month', compared_day)::date as month_start,
        sku,
        currency,
        (array_agg(product_line order by day desc, product_line asc))[1] as product_line,
        coalesce(sum(revenue) filter (where comparison = 'current'), 0) as revenue,
        sum(revenue) filter (where comparison = 'a_year_ago') as revenue_a_year_ago,
        coalesce(sum(units) filter (where comparison = 'current'), 0)::bigint as units,
        coalesce(sum(costed_revenue) filter (where comparison = 'current'), 0) as costed_revenue,
        sum(gross_profit) filter (where comparison = 'current') as gross_profit,
        coalesce(sum(refund_amount) filter (where comparison = 'current'), 0) as refund_amount,
        coalesce(sum(returned_units) filter (where comparison = 'current'), 0)::bigint as returned_units
    from compared
    group by 1, 2, 3

),

-- SKUs that sold nothing this month take no place in the ranking. Equal revenue, equal rank.
ranked as (

    select
        *,
        case
            when revenue > 0
                then rank() over (partition by month_start, currency, revenue > 0 order by revenue desc)
        end as revenue_rank,
        case
            when revenue > 0
                then
                    1 + 4 * (rank() over (in_line order by revenue desc) - 1)
                    / count(*) over (partition by month_start, currency, product_line, revenue > 0)
        end as revenue_quartile
    from by_sku
    window in_line as (partition by month_start, currency, product_line, revenue > 0)

),

compared_with_line as (

    select
        ranked.month_start,
        ranked.sku,
        ranked.currency,
        ranked.product_line,
        products.product_name,
        products.category,
        lines.is_complete_period,
        ranked.revenue,
        ranked.revenue_a_year_ago,
        ranked.units,
        ranked.refund_amount,
        ranked.returned_units,
        ranked.costed_revenue,
        ranked.gross_profit,
        lines.revenue as line_revenue,
        ranked.revenue_rank,
        ranked.revenue_quartile,
        ranked.revenue / nullif(ranked.revenue_a_year_ago, 0) - 1 as yoy_sales_growth_rate,
        lines.yoy_sales_growth_rate as line_yoy_sales_growth_rate,
        ranked.gross_profit / nullif(ranked.costed_revenue, 0) as gross_margin_rate,
        lines.gross_margin_rate as line_gross_margin_rate
    from ranked
    left join lines
        on
            ranked.month_start = lines.month_start
            and ranked.product_line = lines.product_line
            and ranked.currency = lines.currency
    left join products on ranked.sku = products.sku

),

-- The flag is true or false only where it can be told: `true and null` is null, `false and null` is false.
final as (

    select
        month_start,
        sku,
        currency,
        product_line,
        product_name,
        category,
        is_complete_period,
        revenue::numeric(20, 4) as revenue,
        revenue_a_year_ago::numeric(20, 4) as revenue_a_year_ago,
        units,
        refund_amount::numeric(20, 4) as refund_amount,
        returned_units,
        costed_revenue::numeric(20, 4) as costed_revenue,
        gross_profit::numeric(20, 4) as gross_profit,
        line_revenue::numeric(20, 4) as line_revenue,
        revenue_rank,
        revenue_quartile,
        yoy_sales_growth_rate::numeric(28, 8) as yoy_sales_growth_rate,
        line_yoy_sales_growth_rate::numeric(28, 8) as line_yoy_sales_growth_rate,
        gross_margin_rate::numeric(28, 8) as gross_margin_rate,
        line_gross_margin_rate::numeric(28, 8) as line_gross_margin_rate,
        coalesce(revenue_quartile = 1, false)
        and yoy_sales_growth_rate > line_yoy_sales_growth_rate
        and gross_margin_rate >= line_gross_margin_rate as star_product_flag
    from compared_with_line

)

select * from final
