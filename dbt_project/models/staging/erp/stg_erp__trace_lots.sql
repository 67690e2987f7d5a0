with

trace_lots as (

    {{ accepted_rows('erp', 'erp_trace_lots', {'lot_id': 'text'}) }}

),

final as (

    select
        trace_lots.lot_id,
        nullif(trace_lots.component_sku, '') as component_sku,
        nullif(trace_lots.supplier_id, '') as supplier_id,
        nullif(trace_lots.wo_id, '') as wo_id,

        {{ clean_text('trace_lots.component_class') }} as component_class,
        {{ clean_text('trace_lots.serial_from') }} as serial_from,
        {{ clean_text('trace_lots.serial_to') }} as serial_to
    from trace_lots

)

select * from final
