-- The lists of a month and platform hold the ranks and values of the items' own rows, as far as the lists go.
with

top_products as (

    select * from {{ ref('product_structure__top_products') }}

),

performance as (

    select * from {{ ref('product_structure__sku_performance') }}

),

rules as (

    select * from {{ ref('product_rules') }}
    where rule_id = 'top_n'

),

listed as (

    select
        top_products.period_start as month_start,
        top_products.slice_value as platform,
        top_products.measure,
        top_products.currency,
        top_products.sku,
        top_products.measured_value,
        top_products.item_rank,
        top_products.previous_rank
    from top_products
    where top_products.period_type = 'month' and top_products.slice_type = 'platform'

),

ranked as (

    select distinct
        performance.month_start,
        performance.platform,
        measures.measure,
        measures.currency,
        performance.sku,
        measures.measured_value,
        measures.item_rank,
        measures.previous_rank
    from performance
    cross join
        lateral (
            values
            (
                'units',
                'all',
                performance.platform_units,
                performance.units_rank,
                performance.previous_units_rank
            ),
            (
                'revenue',
                performance.currency,
                performance.revenue,
                performance.revenue_rank,
                performance.previous_revenue_rank
            ),
            (
                'gross_profit',
                performance.currency,
                performance.gross_profit,
                performance.gross_profit_rank,
                performance.previous_gross_profit_rank
            )
        ) as measures (measure, currency, measured_value, item_rank, previous_rank)
    cross join rules
    where measures.item_rank <= rules.value

),

final as (

    select
        coalesce(listed.month_start, ranked.month_start) as month_start,
        coalesce(listed.platform, ranked.platform) as platform,
        coalesce(listed.measure, ranked.measure) as measure,
        coalesce(listed.currency, ranked.currency) as currency,
        coalesce(listed.sku, ranked.sku) as sku,
        listed.item_rank as rank_in_list,
        ranked.item_rank as rank_in_performance
    from listed
    full outer join ranked
        on
            listed.month_start = ranked.month_start
            and listed.platform = ranked.platform
            and listed.measure = ranked.measure
            and listed.currency = ranked.currency
            and listed.sku = ranked.sku
    where
        listed.item_rank is distinct from ranked.item_rank
        or listed.measured_value is distinct from ranked.measured_value
        or listed.previous_rank is distinct from ranked.previous_rank

)

select * from final
