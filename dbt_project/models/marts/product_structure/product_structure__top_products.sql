{{ config(post_hook='{{ analyze() }}') }}

{%- set slices = ['product_line', 'channel_id', 'platform'] %}

with

cohorts as (

    select * from {{ ref('agg_sku_cohort_daily') }}

),

performance as (

    select * from {{ ref('product_structure__sku_performance') }}

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
        max(value) filter (where rule_id = 'top_n')::integer as top_n,
        max(value) filter (where rule_id = 'new_product_months')::integer as new_product_months
    from {{ ref('product_rules') }}

),

period_types (period_type, period_length) as (

    values
    ('month', interval '1 month'),
    ('quarter', interval '3 months'),
    ('year', interval '1 year')

),

-- A line without SKU is no item.
months as (

    select
        date_trunc('month', day)::date as month_start,
        sku,
        product_line,
        channel_id,
        platform,
        currency,
        sum(units) as units,
        sum(revenue) as revenue,
        sum(gross_profit) as gross_profit
    from cohorts
    where sku <> 'unknown'
    group by 1, 2, 3, 4, 5, 6

),

-- Units add up over currencies, money does not: units are ranked over all of them, money within each.
sliced as (

    select
        month_start,
        sku,
        case
            {%- for slice in slices %}
            when grouping({{ slice }}) = 0 then '{{ slice }}'
            {%- endfor %}
            else 'all'
        end as slice_type,
        coalesce({{ slices | join(', ') }}, 'all') as slice_value,
        coalesce(currency, 'all') as currency,
        sum(units) as units,
        sum(revenue) as revenue,
        sum(gross_profit) as gross_profit
    from months
    group by grouping sets (
        (month_start, sku),
        (month_start, sku, currency)
        {%- for slice in slices %},
        (month_start, sku, {{ slice }}),
        (month_start, sku, {{ slice }}, currency)
        {%- endfor %}
    )

),

periods as (

    select
        period_types.period_type,
        date_trunc(period_types.period_type, sliced.month_start)::date as period_start,
        sliced.slice_type,
        sliced.slice_value,
        sliced.currency,
        sliced.sku,
        sum(sliced.units) as units,
        sum(sliced.revenue) as revenue,
        sum(sliced.gross_profit) as gross_profit
    from sliced
    cross join period_types
    group by 1, 2, 3, 4, 5, 6

),

measured as (

    select
        periods.period_type,
        periods.period_start,
        periods.slice_type,
        periods.slice_value,
        periods.currency,
        periods.sku,
        measures.measure,
        measures.measured_value
    from periods
    cross join
        lateral (
            values
            ('units', case when periods.currency = 'all' then periods.units end),
            ('revenue', case when periods.currency <> 'all' then periods.revenue end),
            ('gross_profit', case when periods.currency <> 'all' then periods.gross_profit end)
        ) as measures (measure, measured_value)
    where measures.measured_value > 0

),

-- Equal values, equal rank: a list may be longer than N.
ranked as (

    select
        *,
        rank() over (
            partition by period_type, period_start, slice_type, slice_value, currency, measure
            order by measured_value desc
        ) as item_rank
    from measured

),

-- A window, no join: how many ranks there are is not known to the planner, which would compare each with each.
followed as (

    select
        *,
        lag(item_rank) over of_item as last_rank,
        lag(period_start) over of_item as last_start
    from ranked
    window of_item as (
        partition by period_type, slice_type, slice_value, currency, measure, sku
        order by period_start
    )

),

top_items as (

    select followed.*
    from followed
    cross join rules
    where followed.item_rank <= rules.top_n

),

hits as (

    select
        month_start,
        sku,
        bool_or(hit_product_flag) as hit_product_flag
    from performance
    group by 1, 2

),

described as (

    select
        top_items.*,
        products.product_name,
        products.launch_date,
        case
            when top_items.last_start + period_types.period_length = top_items.period_start then top_items.last_rank
        end as previous_rank,
        hits.hit_product_flag,
        (top_items.period_start + period_types.period_length - interval '1 day')::date
        <= business_day.business_day as is_complete_period,
        products.launch_date > (
            top_items.period_start + period_types.period_length - interval '1 day'
            - make_interval(months => rules.new_product_months)
        )::date as is_new_product
    from top_items
    inner join period_types on top_items.period_type = period_types.period_type
    left join products on top_items.sku = products.sku
    left join hits
        on
            top_items.period_type = 'month'
            and top_items.period_start = hits.month_start
            and top_items.sku = hits.sku
    cross join rules
    cross join business_day

),

final as (

    select
        period_type,
        period_start,
        slice_type,
        slice_value,
        measure,
        currency,
        sku,
        product_name,
        launch_date,
        is_new_product,
        is_complete_period,
        measured_value::numeric(20, 4) as measured_value,
        item_rank,
        previous_rank,
        previous_rank - item_rank as rank_change,
        hit_product_flag,
        case
            when period_type = 'month'
                then
                    count(*) filter (where is_new_product and hit_product_flag) over (
                        partition by period_type, period_start, slice_type, slice_value, currency, measure
                    )
        end as new_hit_product_count
    from described

)

select * from final
