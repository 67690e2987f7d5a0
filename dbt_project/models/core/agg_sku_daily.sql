{{
    config(
        materialized='incremental',
        incremental_strategy='affected_days',
        unique_key='day',
        meta={'changes': 'affected_days'},
        indexes=[{'columns': ['day']}],
        post_hook='{{ analyze() }}',
    )
}}

with

affected_days as (

    select * from {{ ref('affected_days') }}

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

valid_lines as (

    select order_lines.*
    from order_lines
    inner join business_day
        on order_lines.order_date <= business_day.business_day
    where
        order_lines.is_valid

        {%- if is_incremental() %}

        and order_lines.order_date in (select affected_days.day from affected_days)

        {%- endif %}

),

completed_returns as (

    select returns.*
    from returns
    inner join business_day
        on returns.completed_on <= business_day.business_day
    where
        returns.is_completed

        {%- if is_incremental() %}

        and returns.completed_on in (select affected_days.day from affected_days)

        {%- endif %}

),

sales as (

    select
        valid_lines.order_date as day,
        coalesce(products.product_line, 'unknown') as product_line,
        coalesce(valid_lines.sku, 'unknown') as sku,
        coalesce(valid_lines.currency, 'unknown') as currency,
        valid_lines.net_amount as revenue,
        case when valid_lines.cost_amount is not null then valid_lines.net_amount end as costed_revenue,
        valid_lines.cost_amount,
        valid_lines.qty as units,
        null::numeric as refund_amount,
        null::integer as returned_units
    from valid_lines
    left join products
        on valid_lines.product_key = products.product_key

),

refunds as (

    select
        completed_returns.completed_on as day,
        coalesce(products.product_line, 'unknown') as product_line,
        coalesce(completed_returns.sku, 'unknown') as sku,
        coalesce(completed_returns.currency, 'unknown') as currency,
        null::numeric as revenue,
        null::numeric as costed_revenue,
        null::numeric as cost_amount,
        null::integer as units,
        completed_returns.refund_amount,
        completed_returns.qty as returned_units
    from completed_returns
    left join products
        on completed_returns.product_key = products.product_key

),

movements as (

    select * from sales
    union all
    select * from refunds

),

final as (

    select
        movements.day,
        movements.sku,
        movements.product_line,
        movements.currency,

        coalesce(sum(movements.revenue), 0)::numeric(20, 4) as revenue,
        coalesce(sum(movements.costed_revenue), 0)::numeric(20, 4) as costed_revenue,
        (sum(movements.costed_revenue) - sum(movements.cost_amount))::numeric(20, 4) as gross_profit,
        coalesce(sum(movements.units), 0) as units,
        coalesce(sum(movements.refund_amount), 0)::numeric(20, 4) as refund_amount,
        coalesce(sum(movements.returned_units), 0) as returned_units
    from movements
    group by
        movements.day,
        movements.sku,
        movements.product_line,
        movements.currency

)

select * from final
