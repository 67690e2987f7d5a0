with

sales_order_lines as (

    {{ accepted_rows('erp', 'erp_sales_order_lines', {'order_id': 'text', 'line_no': 'integer'}) }}

),

final as (

    select
        sales_order_lines.order_id,
        sales_order_lines.line_no,
        nullif(sales_order_lines.sku, '') as sku,

        nullif(sales_order_lines.bundle_id, '') as bundle_id,
        coalesce(sales_order_lines.is_custom_line, false) as is_custom_line,
        coalesce(sales_order_lines.is_gift, false) as is_gift,

        sales_order_lines.qty,
        sales_order_lines.list_price,
        sales_order_lines.unit_price,
        sales_order_lines.discount_amount,
        sales_order_lines.net_amount,
        sales_order_lines.cost_amount
    from sales_order_lines

)

select * from final
