with

inv_locations as (

    {{ accepted_rows('erp', 'inv_locations', {'location_id': 'text'}) }}

),

final as (

    select
        inv_locations.location_id,
        nullif(inv_locations.dealer_id, '') as dealer_id,
        nullif(inv_locations.outlet_id, '') as outlet_id,
        nullif(inv_locations.channel_id, '') as channel_id,

        {{ clean_text('inv_locations.location_type') }} as location_type,
        {{ clean_text('inv_locations.province') }} as province,
        {{ clean_text('inv_locations.serves_regions') }} as serves_regions
    from inv_locations

)

select * from final
