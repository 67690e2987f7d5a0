{% snapshot snap_erp__customers %}

{{
    config(
        unique_key='customer_id',
        strategy='check',
        check_cols=[
            'region_code',
            'company_name',
            'customer_type',
            'industry',
            'is_b2b',
            'province',
            'city',
            'city_tier',
            'country',
            'account_class',
            'credit_days',
        ],
        updated_at='version_start',
        hard_deletes='ignore',
        post_hook='{{ drop_replaced_versions() }}',
    )
}}

with

customers as (

    select * from {{ ref('stg_erp__customers') }}

),

open_versions as (

    {{ open_versions('customer_id') }}

),

final as (

    select
        customers.customer_id,
        customers.region_code,
        customers.company_name,
        customers.customer_type,
        customers.industry,
        customers.is_b2b,
        customers.province,
        customers.city,
        customers.city_tier,
        customers.country,
        customers.account_class,
        customers.credit_days,

        {{ version_start('customers', 'open_versions') }} as version_start
    from customers
    left join open_versions
        on customers.customer_id = open_versions.customer_id

)

select * from final

{% endsnapshot %}
