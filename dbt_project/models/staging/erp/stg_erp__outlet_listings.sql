with

outlet_listings as (

    {{ accepted_rows('erp', 'erp_outlet_listings', {'outlet_id': 'text', 'sku': 'text', 'listed_from': 'date'}) }}

),

final as (

    select
        outlet_listings.outlet_id,
        outlet_listings.sku,
        outlet_listings.listed_from,

        outlet_listings.has_display,

        outlet_listings.listed_to
    from outlet_listings

)

select * from final
