with

bom_lines as (

    {{ accepted_rows('erp', 'erp_bom_lines', {'sku': 'text', 'bom_version': 'integer', 'component_sku': 'text'}) }}

),

final as (

    select
        bom_lines.sku,
        bom_lines.bom_version,
        bom_lines.component_sku,

        {{ clean_text('bom_lines.material') }} as material,

        bom_lines.qty,
        bom_lines.unit_cost,

        bom_lines.valid_from,
        bom_lines.valid_to
    from bom_lines

)

select * from final
