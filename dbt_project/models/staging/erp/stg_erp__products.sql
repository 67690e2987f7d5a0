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
        {{ clean_text('products.model_no') }} as model_no,
        {{ clean_text('products.scene') }} as scene,
        {{ clean_text('products.season_tag') }} as season_tag,
        {{ clean_text('products.light_source_tech') }} as light_source_tech,
        {{ clean_text('products.ip_rating') }} as ip_rating,
        {{ clean_text('products.dimming_interface') }} as dimming_interface,
        {{ clean_text('products.protocols') }} as protocols,
        {{ clean_text('products.substrate_type') }} as substrate_type,
        {{ clean_text('products.energy_class') }} as energy_class,
        {{ clean_text('products.function_modules') }} as function_modules,
        {{ clean_text('products.ecosystem_certs') }} as ecosystem_certs,
        {{ clean_text('products.target_user_group') }} as target_user_group,
        {{ clean_text('products.technology_tag') }} as technology_tag,
        products.is_smart,
        products.is_seasonal,
        products.is_custom,
        products.is_modular,
        products.is_consumable,
        products.eco_certified,
        products.has_bim_model,

        products.list_price,
        products.standard_cost,
        products.power_w,
        products.luminous_efficacy_lm_w,
        products.cct_min_k,
        products.cct_max_k,
        products.cri,
        products.energy_use_kwh,
        products.noise_db,
        products.warranty_years,

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
