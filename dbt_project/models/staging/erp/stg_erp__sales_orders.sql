with

sales_orders as (

    {{ accepted_rows('erp', 'erp_sales_orders', {'order_id': 'text'}) }}

),

final as (

    select
        sales_orders.order_id,
        nullif(sales_orders.customer_id, '') as customer_id,
        nullif(sales_orders.channel_id, '') as channel_id,
        nullif(sales_orders.user_id, '') as user_id,
        nullif(sales_orders.dealer_id, '') as dealer_id,
        nullif(sales_orders.outlet_id, '') as outlet_id,
        nullif(sales_orders.rep_id, '') as rep_id,
        nullif(sales_orders.opp_id, '') as opp_id,
        nullif(sales_orders.campaign_id, '') as campaign_id,
        nullif(sales_orders.promo_id, '') as promo_id,
        nullif(sales_orders.referral_designer_id, '') as referral_designer_id,

        sales_orders.order_date,
        {{ clean_text('sales_orders.platform') }} as platform,
        {{ clean_text('sales_orders.device_type') }} as device_type,
        {{ clean_text('sales_orders.country') }} as country,
        {{ clean_text('sales_orders.currency') }} as currency,
        {{ clean_text('sales_orders.status') }} as status,
        {{ clean_text('sales_orders.project_type') }} as project_type,
        {{ clean_text('sales_orders.entry_app') }} as entry_app,
        {{ clean_text('sales_orders.cancel_reason') }} as cancel_reason,
        {{ clean_text('sales_orders.cobrand_partner') }} as cobrand_partner,
        sales_orders.is_presale,
        sales_orders.is_o2o,
        sales_orders.is_solution_sale,
        sales_orders.is_priority,
        sales_orders.price_correction_flag,

        sales_orders.promised_date,
        sales_orders.paid_at,
        sales_orders.shipped_at,
        sales_orders.delivered_at,
        sales_orders.cancelled_at
    from sales_orders

)

select * from final
