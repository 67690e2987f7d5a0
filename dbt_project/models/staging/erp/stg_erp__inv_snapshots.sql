with

inv_snapshots as (

    {{
        accepted_rows(
            'erp',
            'inv_snapshots',
            {'snapshot_date': 'date', 'location_id': 'text', 'sku': 'text', 'stock_stage': 'text'}
        )
    }}

),

final as (

    select
        inv_snapshots.snapshot_date,
        inv_snapshots.location_id,
        inv_snapshots.sku,
        inv_snapshots.stock_stage,

        inv_snapshots.on_hand_qty,
        inv_snapshots.allocated_qty,
        inv_snapshots.unit_cost,

        inv_snapshots.oldest_receipt_date
    from inv_snapshots

)

select * from final
