{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        full_refresh=false,
        pre_hook='alter table if exists {{ this }} add column if not exists attributed_on_before date',
        post_hook=['{{ prune_built() }}', '{{ analyze() }}'],
    )
}}

with

build_window as (

    select * from {{ ref('build_window') }}

),

changed_orders as (

    select * from {{ ref('changed_sales_orders') }}

),

return_changes as (

    select * from {{ ref('stg_erp__returns__changes') }}

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

returns_as_last_built as (

    {{
        as_last_built('fct_return_line', {
            'return_id': 'text',
            'order_id': 'text',
            'attributed_on': 'date',
            'completed_on': 'date',
            'sku': 'text',
            'customer_id': 'text',
            'country': 'text',
            'product_key': 'text',
            'customer_key': 'text',
            'region_code': 'text',
            'has_order_line': 'boolean',
        })
    }}

),

-- A return has the attributes of its order line; without one, those of its own product, customer and country.
suspects as (

    select returns_as_last_built.*
    from returns_as_last_built
    inner join product_changes
        on returns_as_last_built.sku = product_changes.sku
    where not returns_as_last_built.has_order_line

    union all

    select returns_as_last_built.*
    from returns_as_last_built
    inner join customer_changes
        on returns_as_last_built.customer_id = customer_changes.customer_id
    where not returns_as_last_built.has_order_line

    union all

    select returns_as_last_built.*
    from returns_as_last_built
    where
        not returns_as_last_built.has_order_line
        and exists (select 1 from region_changes)

),

reattributed_returns as (

    select suspects.return_id
    from suspects
    left join products
        on
            suspects.sku = products.sku
            and suspects.attributed_on between products.first_day and products.last_day
    left join customers
        on
            suspects.customer_id = customers.customer_id
            and suspects.attributed_on between customers.first_day and customers.last_day
    left join regions
        on
            suspects.country = regions.country
            and regions.is_whole_country
    where
        suspects.product_key is distinct from products.product_key
        or suspects.customer_key is distinct from customers.customer_key
        or suspects.region_code is distinct from coalesce(regions.region_code, customers.region_code)

),

returns_of_changed_orders as (

    select returns_as_last_built.return_id
    from returns_as_last_built
    inner join changed_orders
        on returns_as_last_built.order_id = changed_orders.order_id

),

changed_returns as (

    select return_changes.return_id from return_changes
    union
    select returns_of_changed_orders.return_id from returns_of_changed_orders
    union
    select reattributed_returns.return_id from reattributed_returns

),

final as (

    select
        build_window.build_id,
        changed_returns.return_id,
        returns_as_last_built.completed_on as completed_on_before,
        returns_as_last_built.attributed_on as attributed_on_before
    from changed_returns
    cross join build_window
    left join returns_as_last_built
        on changed_returns.return_id = returns_as_last_built.return_id
    -- A fact that is not there yet is about to be built whole.
    where {{ has_been_built('fct_return_line') }}

    {%- if is_incremental() %}

    except

    select
        build_id,
        return_id,
        completed_on_before,
        attributed_on_before
    from {{ this }}

    {%- endif %}

)

select * from final
