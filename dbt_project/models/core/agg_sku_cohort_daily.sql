{{
    config(
        materialized='incremental',
        incremental_strategy='affected_days',
        unique_key='day',
        meta={'changes': 'affected_cohort_days'},
        indexes=[{'columns': ['day']}],
        post_hook='{{ analyze() }}',
    )
}}

with

affected_days as (

    select * from {{ ref('affected_cohort_days') }}

),

business_day as (

    select * from {{ ref('business_day') }}

),

order_lines as (

    select * from {{ ref('fct_sales_order_line') }}

),

returns as (

    select * from {{ ref('fct_return_line') }}

),

products as (

    select * from {{ ref('dim_product') }}

),

sales as (

    select
        order_lines.order_date as day,
        coalesce(order_lines.sku, 'unknown') as sku,
        order_lines.product_key,
        coalesce(order_lines.platform, 'unknown') as platform,
        coalesce(order_lines.channel_id, 'unknown') as channel_id,
        coalesce(order_lines.currency, 'unknown') as currency,
        order_lines.net_amount as revenue,
        case when order_lines.cost_amount is not null then order_lines.net_amount end as costed_revenue,
        order_lines.cost_amount,
        order_lines.qty as units,
        null::integer as returned_units,
        null::integer as exchanged_units,
        null::integer as unlinked_units
    from order_lines
    inner join business_day
        on order_lines.order_date <= business_day.business_day
    where
        order_lines.is_valid

        {%- if is_incremental() %}

        and order_lines.order_date in (select affected_days.day from affected_days)

        {%- endif %}

),

-- What came back of a cancelled order or of a gift was no sale. What names no order line counts on its own day.
units_back as (

    select
        returns.attributed_on as day,
        coalesce(returns.sku, 'unknown') as sku,
        returns.product_key,
        coalesce(returns.platform, 'unknown') as platform,
        coalesce(returns.channel_id, 'unknown') as channel_id,
        coalesce(order_lines.currency, returns.currency, 'unknown') as currency,
        null::numeric as revenue,
        null::numeric as costed_revenue,
        null::numeric as cost_amount,
        null::integer as units,
        case when coalesce(returns.return_type, 'return') <> 'exchange' then returns.qty end as returned_units,
        case when returns.return_type = 'exchange' then returns.qty end as exchanged_units,
        case when not returns.has_order_line then returns.qty end as unlinked_units
    from returns
    inner join business_day
        on
            returns.attributed_on <= business_day.business_day
            and coalesce(returns.requested_on, returns.completed_on) <= business_day.business_day
    left join order_lines
        on
            returns.order_id = order_lines.order_id
            and returns.line_no = order_lines.line_no
    where
        coalesce(order_lines.is_valid, not returns.has_order_line)

        {%- if is_incremental() %}

        and returns.attributed_on in (select affected_days.day from affected_days)

        {%- endif %}

),

movements as (

    select * from sales
    union all
    select * from units_back

),

named as (

    select
        movements.*,
        coalesce(products.product_line, 'unknown') as product_line,
        coalesce(products.category, 'unknown') as category
    from movements
    left join products
        on movements.product_key = products.product_key

),

final as (

    select
        named.day,
        named.sku,
        named.product_line,
        named.category,
        named.platform,
        named.channel_id,
        named.currency,

        coalesce(sum(named.revenue), 0)::numeric(20, 4) as revenue,
        coalesce(sum(named.costed_revenue), 0)::numeric(20, 4) as costed_revenue,
        (sum(named.costed_revenue) - sum(named.cost_amount))::numeric(20, 4) as gross_profit,
        coalesce(sum(named.units), 0) as units,
        coalesce(sum(named.returned_units), 0) as returned_units,
        coalesce(sum(named.exchanged_units), 0) as exchanged_units,
        coalesce(sum(named.unlinked_units), 0) as unlinked_units
    from named
    group by
        named.day,
        named.sku,
        named.product_line,
        named.category,
        named.platform,
        named.channel_id,
        named.currency

)

select * from final
