with

price_bands as (

    select * from {{ ref('price_bands') }}

),

final as (

    select
        price_bands.currency,
        price_bands.price_band,
        price_bands.label_en,
        price_bands.label_zh,
        price_bands.lower_bound,
        price_bands.upper_bound,
        price_bands.sort_order
    from price_bands

)

select * from final
