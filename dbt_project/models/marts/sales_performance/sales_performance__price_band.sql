with

sales as (

    select * from {{ ref('agg_sales_daily') }}

),

price_bands as (

    select * from {{ ref('dim_price_band') }}

),

by_cell as (

    select
        date_trunc('month', day)::date as month_start,
        price_band,
        product_line,
        channel_id,
        currency,
        sum(revenue) as revenue,
        sum(units)::bigint as units,
        sum(costed_revenue) as costed_revenue,
        sum(gross_profit) as gross_profit
    from sales
    where line_count > 0
    group by 1, 2, 3, 4, 5

),

with_totals as (

    select
        *,
        sum(revenue) over slice as slice_revenue,
        (sum(units) over slice)::bigint as slice_units,
        sum(revenue) over month as total_revenue,
        (sum(units) over month)::bigint as total_units,
        sum(gross_profit) over month as total_gross_profit
    from by_cell
    window
        month as (partition by month_start, currency),
        slice as (partition by month_start, currency, product_line, channel_id)

),

final as (

    select
        with_totals.month_start,
        with_totals.price_band,
        with_totals.product_line,
        with_totals.channel_id,
        with_totals.currency,
        price_bands.label_en as price_band_label_en,
        price_bands.label_zh as price_band_label_zh,
        price_bands.sort_order as price_band_sort_order,
        with_totals.revenue::numeric(20, 4) as revenue,
        with_totals.units,
        with_totals.costed_revenue::numeric(20, 4) as costed_revenue,
        with_totals.gross_profit::numeric(20, 4) as gross_profit,
        with_totals.slice_revenue::numeric(20, 4) as slice_revenue,
        with_totals.slice_units,
        with_totals.total_revenue::numeric(20, 4) as total_revenue,
        with_totals.total_units,
        with_totals.total_gross_profit::numeric(20, 4) as total_gross_profit,
        (with_totals.revenue / nullif(with_totals.total_revenue, 0))::numeric(28, 8) as price_band_sales_share,
        (with_totals.units::numeric / nullif(with_totals.total_units, 0))::numeric(28, 8) as price_band_unit_share,
        (with_totals.revenue / nullif(with_totals.slice_revenue, 0))::numeric(28, 8)
            as price_band_sales_share_in_slice,
        (with_totals.units::numeric / nullif(with_totals.slice_units, 0))::numeric(28, 8)
            as price_band_unit_share_in_slice,
        (with_totals.gross_profit / nullif(with_totals.total_gross_profit, 0))::numeric(28, 8)
            as price_band_profit_contribution
    from with_totals
    left join price_bands
        on
            with_totals.currency = price_bands.currency
            and with_totals.price_band = price_bands.price_band

)

select * from final
