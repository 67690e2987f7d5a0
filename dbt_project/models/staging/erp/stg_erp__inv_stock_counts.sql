with

inv_stock_counts as (

    {{ accepted_rows('erp', 'inv_stock_counts', {'count_id': 'text', 'location_id': 'text', 'sku': 'text'}) }}

),

final as (

    select
        inv_stock_counts.count_id,
        inv_stock_counts.location_id,
        inv_stock_counts.sku,

        {{ clean_text('inv_stock_counts.damage_cause') }} as damage_cause,

        inv_stock_counts.book_qty,
        inv_stock_counts.counted_qty,
        inv_stock_counts.damaged_qty,

        inv_stock_counts.planned_date,
        inv_stock_counts.counted_at
    from inv_stock_counts

)

select * from final
