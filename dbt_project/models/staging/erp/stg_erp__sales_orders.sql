with

sales_orders as (

    {{ accepted_rows('erp', 'erp_sales_orders', {'order_id': 'text'}) }}

),

final as (

    select
        sales_orders.order_id,
        nullif(sales_orders.customer_id, '') as customer_id,
        nullif(sales_orders.channel_id, '') as channel_id,

        sales_orders.order_date,
        {{ clean_text('sales_orders.platform') }} as platform,
        {{ clean_text('sales_orders.device_type') }} as device_type,
        {{ clean_text('sales_orders.country') }} as country,
        {{ clean_text('sales_orders.currency') }} as currency,
        {{ clean_text('sales_orders.status') }} as status,

        sales_orders.cancelled_at
    from sales_orders

)

select * from final
