with

regions as (

    select * from {{ ref('stg_erp__regions') }}

),

final as (

    select
        regions.region_code,

        regions.province,
        regions.macro_region,
        regions.country,
        regions.market_group,
        regions.city_tier,
        -- An overseas market: an order is placed in it by its country alone.
        regions.country is not null
        and count(*) over (partition by regions.country) = 1 as is_whole_country,

        regions.area_km2,
        regions.households,
        regions.addressable_accounts,
        regions.market_potential_value
    from regions

)

select * from final
