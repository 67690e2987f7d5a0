{% snapshot snap_erp__products %}

{{
    config(
        unique_key='sku',
        strategy='check',
        check_cols=[
            'product_name',
            'product_line',
            'category',
            'series',
            'item_role',
            'is_smart',
            'list_price',
            'standard_cost',
            'launch_date',
            'discontinue_date',
        ],
        updated_at='version_start',
        hard_deletes='ignore',
        post_hook='{{ drop_replaced_versions() }}',
    )
}}

with

products as (

    select * from {{ ref('stg_erp__products') }}

),

open_versions as (

    {{ open_versions('sku') }}

),

final as (

    select
        products.sku,
        products.product_name,
        products.product_line,
        products.category,
        products.series,
        products.item_role,
        products.is_smart,
        products.list_price,
        products.standard_cost,
        products.launch_date,
        products.discontinue_date,

        {{ version_start('products', 'open_versions') }} as version_start
    from products
    left join open_versions
        on products.sku = open_versions.sku

)

select * from final

{% endsnapshot %}
