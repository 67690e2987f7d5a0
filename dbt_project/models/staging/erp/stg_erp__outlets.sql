with

outlets as (

    {{ accepted_rows('erp', 'erp_outlets', {'outlet_id': 'text'}) }}

),

final as (

    select
        outlets.outlet_id,
        nullif(outlets.dealer_id, '') as dealer_id,
        nullif(outlets.channel_id, '') as channel_id,

        {{ clean_text('outlets.outlet_type') }} as outlet_type,
        {{ clean_text('outlets.province') }} as province,
        {{ clean_text('outlets.city') }} as city,
        {{ clean_text('outlets.city_tier') }} as city_tier,

        outlets.latitude,
        outlets.longitude,

        outlets.opened_on,
        outlets.closed_on
    from outlets

)

select * from final
