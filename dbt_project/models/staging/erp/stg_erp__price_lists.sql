with

price_lists as (

    {{
        accepted_rows(
            'erp',
            'erp_price_lists',
            {
                'sku': 'text',
                'channel_id': 'text',
                'region_code': 'text',
                'city_tier': 'text',
                'valid_from': 'date'
            }
        )
    }}

),

final as (

    select
        price_lists.sku,
        price_lists.channel_id,
        price_lists.region_code,
        price_lists.city_tier,
        price_lists.valid_from,

        price_lists.unit_price,
        price_lists.min_control_price,

        price_lists.valid_to
    from price_lists

)

select * from final
