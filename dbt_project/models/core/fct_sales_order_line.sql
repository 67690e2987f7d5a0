{{
    config(
        materialized='incremental',
        incremental_strategy='changed_keys',
        unique_key='order_id',
        meta={'changes': 'changed_sales_orders'},
        indexes=[{'columns': ['order_date']}, {'columns': ['sku']}, {'columns': ['customer_id']}],
        post_hook='{{ analyze() }}',
    )
}}

with

changed_orders as (

    select * from {{ ref('changed_sales_orders') }}

),

orders as (

    select * from {{ ref('stg_erp__sales_orders') }}

),

order_lines as (

    select * from {{ ref('stg_erp__sales_order_lines') }}

),

products as (

    select * from {{ ref('dim_product') }}

),

customers as (

    select * from {{ ref('dim_customer') }}

),

regions as (

    select * from {{ ref('dim_region') }}

),

price_bands as (

    select * from {{ ref('dim_price_band') }}

),

-- An order is built whole, since its head is the first of its lines that is valid.
lines_to_build as (

    select
        order_lines.*,
        orders.customer_id,
        orders.channel_id,
        orders.order_date,
        orders.platform,
        orders.device_type,
        orders.country,
        orders.currency,
        orders.status as order_status,
        orders.status = 'cancelled' as is_cancelled,
        orders.status <> 'cancelled' and not order_lines.is_gift as is_valid
    from orders
    inner join order_lines
        on orders.order_id = order_lines.order_id

    {%- if is_incremental() %}

    where orders.order_id in (select changed_orders.order_id from changed_orders)

    {%- endif %}

),

final as (

    select
        lines_to_build.order_id,
        lines_to_build.line_no,
        lines_to_build.order_date,
        lines_to_build.sku,
        products.product_key,
        lines_to_build.customer_id,
        customers.customer_key,
        lines_to_build.channel_id,
        coalesce(regions.region_code, customers.region_code) as region_code,

        lines_to_build.platform,
        lines_to_build.device_type,
        lines_to_build.country,
        lines_to_build.currency,
        coalesce(price_bands.price_band, 'unbanded') as price_band,
        lines_to_build.order_status,
        lines_to_build.is_gift,
        lines_to_build.is_cancelled,
        lines_to_build.is_valid,
        lines_to_build.is_valid
        and row_number() over (
            partition by lines_to_build.order_id, lines_to_build.is_valid
            order by lines_to_build.line_no
        ) = 1 as is_order_head,

        lines_to_build.qty,
        lines_to_build.list_price,
        lines_to_build.unit_price,
        lines_to_build.discount_amount,
        lines_to_build.net_amount,
        lines_to_build.cost_amount
    from lines_to_build
    left join products
        on
            lines_to_build.sku = products.sku
            and lines_to_build.order_date between products.first_day and products.last_day
    left join customers
        on
            lines_to_build.customer_id = customers.customer_id
            and lines_to_build.order_date between customers.first_day and customers.last_day
    left join regions
        on
            lines_to_build.country = regions.country
            and regions.is_whole_country
    left join price_bands
        on
            lines_to_build.currency = price_bands.currency
            and lines_to_build.unit_price >= price_bands.lower_bound
            and (lines_to_build.unit_price < price_bands.upper_bound or price_bands.upper_bound is null)

)

select * from final
