with

customers as (

    {{ accepted_rows('erp', 'erp_customers', {'customer_id': 'text'}) }}

),

loads as (

    select * from {{ source('ops', 'load') }}

),

source_systems as (

    select * from {{ source('ops', 'source_system') }}

),

final as (

    select
        customers.customer_id,
        nullif(customers.region_code, '') as region_code,

        {{ clean_text('customers.company_name') }} as company_name,
        {{ clean_text('customers.customer_type') }} as customer_type,
        {{ clean_text('customers.industry') }} as industry,
        customers.is_b2b,
        {{ clean_text('customers.province') }} as province,
        {{ clean_text('customers.city') }} as city,
        {{ clean_text('customers.city_tier') }} as city_tier,
        {{ clean_text('customers.country') }} as country,
        customers.birth_year,
        {{ clean_text('customers.account_class') }} as account_class,
        customers.credit_days,

        customers.created_at,

        {{ business_day_start('loads.business_day', 'source_systems.time_zone') }} as landed_day_start,
        coalesce(
            customers.updated_at, {{ business_day_start('loads.business_day', 'source_systems.time_zone') }}
        ) as changed_at
    from customers
    inner join loads
        on customers._batch_id = loads.load_id
    inner join source_systems
        on loads.system = source_systems.system

)

select * from final
