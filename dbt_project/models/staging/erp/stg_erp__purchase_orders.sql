with

purchase_orders as (

    {{ accepted_rows('erp', 'erp_purchase_orders', {'po_id': 'text'}) }}

),

final as (

    select
        purchase_orders.po_id,
        nullif(purchase_orders.supplier_id, '') as supplier_id,
        nullif(purchase_orders.component_sku, '') as component_sku,

        purchase_orders.is_urgent,

        purchase_orders.qty_ordered,
        purchase_orders.qty_received,
        purchase_orders.qty_rejected,
        purchase_orders.unit_price,
        purchase_orders.contract_flex_pct,

        purchase_orders.ordered_at,
        purchase_orders.promised_date,
        purchase_orders.received_at
    from purchase_orders

)

select * from final
