{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        full_refresh=false,
        post_hook=['{{ prune_built() }}', '{{ analyze() }}'],
    )
}}

with

build_window as (

    select * from {{ ref('build_window') }}

),

order_changes as (

    select * from {{ ref('stg_erp__sales_orders__changes') }}

),

line_changes as (

    select * from {{ ref('stg_erp__sales_order_lines__changes') }}

),

product_changes as (

    select * from {{ ref('stg_erp__products__changes') }}

),

customer_changes as (

    select * from {{ ref('stg_erp__customers__changes') }}

),

region_changes as (

    select * from {{ ref('stg_erp__regions__changes') }}

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

lines_as_last_built as (

    {{
        as_last_built('fct_sales_order_line', {
            'order_id': 'text',
            'order_date': 'date',
            'sku': 'text',
            'customer_id': 'text',
            'country': 'text',
            'product_key': 'text',
            'customer_key': 'text',
            'region_code': 'text',
        })
    }}

),

-- Lines whose product, customer or country may be another than when they were built.
suspects as (

    select lines_as_last_built.*
    from lines_as_last_built
    inner join product_changes
        on lines_as_last_built.sku = product_changes.sku

    union all

    select lines_as_last_built.*
    from lines_as_last_built
    inner join customer_changes
        on lines_as_last_built.customer_id = customer_changes.customer_id

    union all

    select lines_as_last_built.*
    from lines_as_last_built
    where exists (select 1 from region_changes)

),

reattributed_orders as (

    select suspects.order_id
    from suspects
    left join products
        on
            suspects.sku = products.sku
            and suspects.order_date between products.first_day and products.last_day
    left join customers
        on
            suspects.customer_id = customers.customer_id
            and suspects.order_date between customers.first_day and customers.last_day
    left join regions
        on
            suspects.country = regions.country
            and regions.is_whole_country
    where
        suspects.product_key is distinct from products.product_key
        or suspects.customer_key is distinct from customers.customer_key
        or suspects.region_code is distinct from coalesce(regions.region_code, customers.region_code)

),

changed_orders as (

    select order_changes.order_id from order_changes
    union
    select line_changes.order_id from line_changes
    union
    select reattributed_orders.order_id from reattributed_orders

),

final as (

    select distinct
        build_window.build_id,
        changed_orders.order_id,
        lines_as_last_built.order_date as order_date_before
    from changed_orders
    cross join build_window
    left join lines_as_last_built
        on changed_orders.order_id = lines_as_last_built.order_id
    -- A fact that is not there yet is about to be built whole.
    where {{ has_been_built('fct_sales_order_line') }}

    {%- if is_incremental() %}

    except

    select
        build_id,
        order_id,
        order_date_before
    from {{ this }}

    {%- endif %}

)

select * from final
