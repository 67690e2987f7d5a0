with

inv_thresholds as (

    {{ accepted_rows('erp', 'inv_thresholds', {'sku': 'text', 'location_id': 'text', 'valid_from': 'date'}) }}

),

final as (

    select
        inv_thresholds.sku,
        inv_thresholds.location_id,
        inv_thresholds.valid_from,

        inv_thresholds.safety_stock_qty,
        inv_thresholds.max_stock_qty,
        inv_thresholds.sales_warning_line_qty,

        inv_thresholds.valid_to
    from inv_thresholds

)

select * from final
