with

crm_coupons as (

    {{ accepted_rows('erp', 'crm_coupons', {'coupon_id': 'text'}) }}

),

final as (

    select
        crm_coupons.coupon_id,
        nullif(crm_coupons.campaign_id, '') as campaign_id,
        nullif(crm_coupons.user_id, '') as user_id,
        nullif(crm_coupons.order_id, '') as order_id,

        {{ clean_text('crm_coupons.coupon_type') }} as coupon_type,
        {{ clean_text('crm_coupons.redeem_channel') }} as redeem_channel,

        crm_coupons.face_value,

        crm_coupons.issued_at,
        crm_coupons.pushed_at,
        crm_coupons.redeemed_at
    from crm_coupons

)

select * from final
