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

sales as (

    select
        valid_lines.order_id,
        valid_lines.order_date as day,
        coalesce(products.product_line, 'unknown') as product_line,
        coalesce(valid_lines.region_code, 'unknown') as region_code,
        coalesce(valid_lines.channel_id, 'unknown') as channel_id,
        coalesce(valid_lines.platform, 'unknown') as platform,
        coalesce(valid_lines.currency, 'unknown') as currency
    from valid_lines
    left join products
        on valid_lines.product_key = products.product_key

),

final as (

    select
        sales.day,
        sales.product_line,
        sales.region_code,
        sales.channel_id,
        sales.platform,
        sales.currency,

        count(distinct sales.order_id) as orders_in_cell
    from sales
    group by
        sales.day,
        sales.product_line,
        sales.region_code,
        sales.channel_id,
        sales.platform,
        sales.currency

)

select * from final
