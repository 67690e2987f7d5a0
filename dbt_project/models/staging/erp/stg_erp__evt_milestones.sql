with

evt_milestones as (

    {{ accepted_rows('erp', 'evt_milestones', {'campaign_id': 'text', 'task': 'text'}) }}

),

final as (

    select
        evt_milestones.campaign_id,
        evt_milestones.task,

        {{ clean_text('evt_milestones.phase') }} as phase,
        {{ clean_text('evt_milestones.dept') }} as dept,
        evt_milestones.rework_flag,

        evt_milestones.planned_start,
        evt_milestones.planned_end,
        evt_milestones.actual_start,
        evt_milestones.actual_end
    from evt_milestones

)

select * from final
