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

-- A SKU that moved to another line or category within the month counts whole where it was last.
days as (

    select
        *,
        date_trunc('month', day)::date as month_start,
        first_value(product_line) over of_sku as last_product_line,
        first_value(category) over of_sku as last_category
    from cohorts
    window of_sku as (
        partition by date_trunc('month', day), sku
        order by day desc, product_line asc, category asc
    )

),

-- Units add up over currencies, money does not.
months as (

    select
        month_start,
        sku,
        platform,
        currency,
        min(last_product_line) as product_line,
        min(last_category) as category,
        sum(revenue) as revenue,
        sum(costed_revenue) as costed_revenue,
        sum(gross_profit) as gross_profit,
        sum(units)::bigint as units,
        sum(sum(units)) over (partition by month_start, sku, platform)::bigint as platform_units,
        sum(sum(units)) over (partition by month_start, sku)::bigint as item_units,
        (row_number() over (partition by month_start, sku, platform order by currency) = 1)::integer as platform_item,
        sum(returned_units)::bigint as returned_units,
        sum(exchanged_units)::bigint as exchanged_units,
        sum(unlinked_units)::bigint as unlinked_units
    from days
    group by 1, 2, 3, 4

),

-- An item ranks behind those that have more, and counts once if sold in two currencies. A line without SKU is no item,
-- and what sold nothing takes no place.
ranked as (

    select
        *,
        case
            when platform_units > 0 and sku <> 'unknown'
                then
                    1 + coalesce(
                        sum(platform_item) filter (where sku <> 'unknown') over (
                            partition by month_start, platform
                            order by platform_units desc
                            range between unbounded preceding and current row exclude group
                        ),
                        0
                    )
        end as units_rank,
        case
            when revenue > 0 and sku <> 'unknown'
                then
                    rank() over (
                        partition by month_start, platform, currency, sku <> 'unknown'
                        order by revenue desc
                    )
        end as revenue_rank,
        case
            when gross_profit > 0 and sku <> 'unknown'
                then
                    rank() over (
                        partition by month_start, platform, currency, sku <> 'unknown'
                        order by gross_profit desc nulls last
                    )
        end as gross_profit_rank
    from months

),

-- Windows, no joins: how many rows a month has is not known to the planner, which would compare each with each.
followed as (

    select
        *,
        max(units_rank) over (
            partition by sku, platform
            order by month_start
            range between interval '1 month' preceding and interval '1 month' preceding
        ) as previous_units_rank,
        max(revenue_rank) over month_before as previous_revenue_rank,
        max(gross_profit_rank) over month_before as previous_gross_profit_rank
    from ranked
    window month_before as (
        partition by sku, platform, currency
        order by month_start
        range between interval '1 month' preceding and interval '1 month' preceding
    )

),

described as (

    select
        followed.*,
        products.product_name,
        products.launch_date,
        case when followed.sku <> 'unknown' then rules.hit_product_units end as hit_product_units,
        (followed.month_start + interval '1 month - 1 day')::date <= business_day.business_day as is_complete_period,
        products.launch_date > (
            followed.month_start + interval '1 month - 1 day' - make_interval(months => rules.new_product_months)
        )::date as is_new_product,
        returns_known.is_known as is_return_known
    from followed
    left join products on followed.sku = products.sku
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
