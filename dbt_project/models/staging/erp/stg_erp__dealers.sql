with

dealers as (

    {{ accepted_rows('erp', 'erp_dealers', {'dealer_id': 'text'}) }}

),

final as (

    select
        dealers.dealer_id,
        {{ clean_text('dealers.region_code') }} as region_code,

        {{ clean_text('dealers.dealer_name') }} as dealer_name,
        {{ clean_text('dealers.province') }} as province,
        {{ clean_text('dealers.city_tier') }} as city_tier,
        {{ clean_text('dealers.authorised_region') }} as authorised_region,
        {{ clean_text('dealers.partner_tier') }} as partner_tier,

        dealers.joined_at,
        dealers.left_at
    from dealers

)

select * from final
