with

bundles as (

    {{ accepted_rows('erp', 'erp_bundles', {'bundle_id': 'text', 'sku': 'text'}) }}

),

final as (

    select
        bundles.bundle_id,
        {{ clean_text('bundles.region_code') }} as region_code,
        bundles.sku,

        {{ clean_text('bundles.bundle_name') }} as bundle_name,
        {{ clean_text('bundles.bundle_type') }} as bundle_type,
        bundles.is_solution,

        bundles.qty
    from bundles

)

select * from final
