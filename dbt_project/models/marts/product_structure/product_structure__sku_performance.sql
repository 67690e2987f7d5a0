{{ config(post_hook='{{ analyze() }}') }}

with

cohorts as (

    select * from {{ ref('agg_sku_cohort_daily') }}

),

products as (

    select * from {{ ref('dim_product') }}
    where is_current

),

business_day as (

    select * from {{ ref('business_day') }}

),

rules as (

    select
        max(value) filter (where rule_id = 'hit_product_units') as hit_product_units,
        max(value) filter (where rule_id = 'new_product_months')::integer as new_product_months
    from {{ ref('product_rules') }}

),

-- Where no return has ever been delivered, how many came back is not known.
returns_known as (

    select exists(select 1 from {{ ref('fct_return_line') }}) as is_known

),

months as (

    select
        date_trunc('month', day)::date as month_start,
        sku,
        platform,
        currency,
        sum(revenue) as revenue,
        sum(costed_revenue) as costed_revenue,
        sum(gross_profit) as gross_profit,
        sum(units)::bigint as units,
        sum(returned_units)::bigint as returned_units,
        sum(exchanged_units)::bigint as exchanged_units,
        sum(unlinked_units)::bigint as unlinked_units
    from cohorts
    group by 1, 2, 3, 4

),

-- A SKU that moved to another line or category within the month counts whole where it was last.
attributes as (

    select
        date_trunc('month', day)::date as month_start,
        sku,
        (array_agg(product_line order by day desc, product_line asc, category asc))[1] as product_line,
        (array_agg(category order by day desc, product_line asc, category asc))[1] as category
    from cohorts
    group by 1, 2

),

-- Units add up over currencies, money does not. A line without SKU is no item, and what sold nothing takes no place.
units_of_items as (

    select
        month_start,
        sku,
        platform,
        sum(units)::bigint as platform_units,
        sum(sum(units)) over (partition by month_start, sku)::bigint as item_units,
        case
            when sum(units) > 0 and sku <> 'unknown'
                then
                    rank() over (
                        partition by month_start, platform, sum(units) > 0 and sku <> 'unknown'
                        order by sum(units) desc
                    )
        end as units_rank
    from months
    group by 1, 2, 3

),

ranked as (

    select
        months.*,
        units_of_items.platform_units,
        units_of_items.item_units,
        units_of_items.units_rank,
        case
            when months.revenue > 0 and months.sku <> 'unknown'
                then
                    rank() over (
                        partition by
                            months.month_start,
                            months.platform,
                            months.currency,
                            months.revenue > 0 and months.sku <> 'unknown'
                        order by months.revenue desc
                    )
        end as revenue_rank,
        case
            when months.gross_profit > 0 and months.sku <> 'unknown'
                then
                    rank() over (
                        partition by
                            months.month_start,
                            months.platform,
                            months.currency,
                            coalesce(months.gross_profit, 0) > 0 and months.sku <> 'unknown'
                        order by months.gross_profit desc
                    )
        end as gross_profit_rank
    from months
    inner join units_of_items
        on
            months.month_start = units_of_items.month_start
            and months.sku = units_of_items.sku
            and months.platform = units_of_items.platform

),

described as (

    select
        ranked.*,
        attributes.product_line,
        attributes.category,
        products.product_name,
        products.launch_date,
        case when ranked.sku <> 'unknown' then rules.hit_product_units end as hit_product_units,
        (ranked.month_start + interval '1 month - 1 day')::date <= business_day.business_day as is_complete_period,
        products.launch_date > (
            ranked.month_start + interval '1 month - 1 day' - make_interval(months => rules.new_product_months)
        )::date as is_new_product,
        units_before.units_rank as previous_units_rank,
        previous.revenue_rank as previous_revenue_rank,
        previous.gross_profit_rank as previous_gross_profit_rank,
        returns_known.is_known as is_return_known
    from ranked
    inner join attributes
        on
            ranked.month_start = attributes.month_start
            and ranked.sku = attributes.sku
    left join units_of_items as units_before
        on
            ranked.month_start = units_before.month_start + interval '1 month'
            and ranked.sku = units_before.sku
            and ranked.platform = units_before.platform
    left join ranked as previous
        on
            ranked.month_start = previous.month_start + interval '1 month'
            and ranked.sku = previous.sku
            and ranked.platform = previous.platform
            and ranked.currency = previous.currency
    left join products on ranked.sku = products.sku
    cross join rules
    cross join business_day
    cross join returns_known

),

-- While the month is under way, an item may still become a hit: true or not known.
final as (

    select
        month_start,
        sku,
        platform,
        currency,
        product_line,
        category,
        product_name,
        launch_date,
        is_new_product,
        is_complete_period,
        revenue::numeric(20, 4) as revenue,
        costed_revenue::numeric(20, 4) as costed_revenue,
        gross_profit::numeric(20, 4) as gross_profit,
        units,
        platform_units,
        item_units,
        {%- for measure in ['units', 'revenue', 'gross_profit'] %}
        {{ measure }}_rank,
        previous_{{ measure }}_rank,
        previous_{{ measure }}_rank - {{ measure }}_rank as {{ measure }}_rank_change,
        {%- endfor %}
        case
            when item_units > hit_product_units then true
            when item_units <= hit_product_units and is_complete_period then false
        end as hit_product_flag,
        case
            when platform_units > hit_product_units then true
            when platform_units <= hit_product_units and is_complete_period then false
        end as platform_hit_product_flag,
        case when is_return_known then returned_units end as returned_units,
        case when is_return_known then exchanged_units end as exchanged_units,
        case when is_return_known then unlinked_units end as unlinked_units,
        case when is_return_known then returned_units::numeric / nullif(units, 0) end::numeric(28, 8) as return_rate,
        case
            when is_return_known then (returned_units + exchanged_units)::numeric / nullif(units, 0)
        end::numeric(28, 8) as return_and_exchange_rate
    from described

)

select * from final
