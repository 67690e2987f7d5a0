with

products as (

    {{ accepted_rows('erp', 'erp_products', {'sku': 'text'}) }}

),

loads as (

    select * from {{ source('ops', 'load') }}

),

source_systems as (

    select * from {{ source('ops', 'source_system') }}

),

final as (

    select
        products.sku,
        {{ clean_text('products.product_name') }} as product_name,
        {{ clean_text('products.product_line') }} as product_line,
        {{ clean_text('products.category') }} as category,
        {{ clean_text('products.series') }} as series,
        {{ clean_text('products.item_role') }} as item_role,
        products.is_smart,

        products.list_price,
        products.standard_cost,

        products.launch_date,
        products.discontinue_date,

        {{ business_day_start('loads.business_day', 'source_systems.time_zone') }} as landed_day_start,
        coalesce(
            products.updated_at, {{ business_day_start('loads.business_day', 'source_systems.time_zone') }}
        ) as changed_at
    from products
    inner join loads
        on products._batch_id = loads.load_id
    inner join source_systems
        on loads.system = source_systems.system

)

select * from final
