with

regions as (

    {{ accepted_rows('erp', 'erp_regions', {'region_code': 'text'}) }}

),

final as (

    select
        regions.region_code,

        {{ clean_text('regions.province') }} as province,
        {{ clean_text('regions.macro_region') }} as macro_region,
        {{ clean_text('regions.country') }} as country,
        {{ clean_text('regions.market_group') }} as market_group,
        {{ clean_text('regions.city_tier') }} as city_tier,

        regions.area_km2,
        regions.households,
        regions.addressable_accounts,
        regions.market_potential_value
    from regions

)

select * from final
