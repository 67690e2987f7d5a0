with

work_orders as (

    {{ accepted_rows('erp', 'erp_work_orders', {'wo_id': 'text'}) }}

),

final as (

    select
        work_orders.wo_id,
        nullif(work_orders.sku, '') as sku,

        {{ clean_text('work_orders.scrap_cause') }} as scrap_cause,

        work_orders.planned_qty,
        work_orders.finished_qty,
        work_orders.semi_finished_qty,
        work_orders.scrapped_semi_qty,

        work_orders.planned_finish,
        work_orders.finished_at
    from work_orders

)

select * from final
