with

inv_movements as (

    {{ accepted_rows('erp', 'inv_movements', {'movement_id': 'text'}) }}

),

final as (

    select
        inv_movements.movement_id,
        nullif(inv_movements.location_id, '') as location_id,
        nullif(inv_movements.sku, '') as sku,

        {{ clean_text('inv_movements.movement_type') }} as movement_type,

        inv_movements.qty,

        inv_movements.moved_at
    from inv_movements

)

select * from final
