with

mkt_materials as (

    {{ accepted_rows('erp', 'mkt_materials', {'campaign_id': 'text', 'material_id': 'text'}) }}

),

final as (

    select
        mkt_materials.campaign_id,
        mkt_materials.material_id,

        {{ clean_text('mkt_materials.material_type') }} as material_type,

        mkt_materials.qty_produced,
        mkt_materials.qty_used,
        mkt_materials.unit_cost
    from mkt_materials

)

select * from final
