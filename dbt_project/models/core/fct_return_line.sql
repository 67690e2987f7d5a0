{{
    config(
        materialized='incremental',
        incremental_strategy='changed_keys',
        unique_key='return_id',
        meta={'changes': 'changed_returns'},
        indexes=[
            {'columns': ['order_id']},
            {'columns': ['completed_on']},
            {'columns': ['sku']},
            {'columns': ['customer_id']},
        ],
        post_hook='{{ analyze() }}',
    )
}}

with

changed_returns as (

    select * from {{ ref('changed_returns') }}

),

returns as (

    select * from {{ ref('stg_erp__returns') }}

),

order_lines as (

    select * from {{ ref('fct_sales_order_line') }}

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

returns_to_build as (

    select
        returns.*,
        coalesce(returns.requested_on, returns.completed_on) as own_day,
        returns.refund_amount / nullif(returns.qty, 0) as refund_a_unit
    from returns

    {%- if is_incremental() %}

    where returns.return_id in (select changed_returns.return_id from changed_returns)

    {%- endif %}

),

of_an_order_line as (

    select
        returns_to_build.return_id,
        order_lines.sku,
        order_lines.product_key,
        order_lines.customer_id,
        order_lines.customer_key,
        order_lines.channel_id,
        order_lines.region_code,
        order_lines.order_date as attributed_on,
        order_lines.platform,
        order_lines.device_type,
        order_lines.country,
        order_lines.price_band,
        true as has_order_line
    from returns_to_build
    inner join order_lines
        on
            returns_to_build.order_id = order_lines.order_id
            and returns_to_build.line_no = order_lines.line_no

),

of_no_order_line as (

    select
        returns_to_build.return_id,
        returns_to_build.sku,
        products.product_key,
        returns_to_build.customer_id,
        customers.customer_key,
        returns_to_build.channel_id,
        coalesce(regions.region_code, customers.region_code) as region_code,
        returns_to_build.own_day as attributed_on,
        null::text as platform,
        null::text as device_type,
        returns_to_build.country,
        coalesce(price_bands.price_band, 'unbanded') as price_band,
        false as has_order_line
    from returns_to_build
    left join products
        on
            returns_to_build.sku = products.sku
            and returns_to_build.own_day between products.first_day and products.last_day
    left join customers
        on
            returns_to_build.customer_id = customers.customer_id
            and returns_to_build.own_day between customers.first_day and customers.last_day
    left join regions
        on
            returns_to_build.country = regions.country
            and regions.is_whole_country
    left join price_bands
        on
            returns_to_build.currency = price_bands.currency
            and returns_to_build.refund_a_unit >= price_bands.lower_bound
            and (returns_to_build.refund_a_unit < price_bands.upper_bound or price_bands.upper_bound is null)
    where
        not exists (
            select 1
            from of_an_order_line
            where of_an_order_line.return_id = returns_to_build.return_id
        )

),

attributed as (

    select * from of_an_order_line
    union all
    select * from of_no_order_line

),

final as (

    select
        returns_to_build.return_id,
        returns_to_build.order_id,
        returns_to_build.line_no,
        returns_to_build.requested_on,
        returns_to_build.completed_on,
        attributed.sku,
        attributed.product_key,
        attributed.customer_id,
        attributed.customer_key,
        attributed.channel_id,
        attributed.region_code,

        attributed.platform,
        attributed.device_type,
        attributed.country,
        returns_to_build.currency,
        attributed.price_band,
        returns_to_build.return_type,
        returns_to_build.reason_code,
        returns_to_build.completed_on is not null as is_completed,
        attributed.has_order_line,
        attributed.attributed_on,

        returns_to_build.qty,
        returns_to_build.refund_amount
    from returns_to_build
    inner join attributed
        on returns_to_build.return_id = attributed.return_id

)

select * from final
