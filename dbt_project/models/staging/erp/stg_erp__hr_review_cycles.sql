with

hr_review_cycles as (

    {{ accepted_rows('erp', 'hr_review_cycles', {'review_id': 'text', 'stage': 'text'}) }}

),

final as (

    select
        hr_review_cycles.review_id,
        hr_review_cycles.stage,

        {{ clean_text('hr_review_cycles.review_type') }} as review_type,
        {{ clean_text('hr_review_cycles.period') }} as period,

        hr_review_cycles.planned_sessions,
        hr_review_cycles.held_sessions,
        hr_review_cycles.invited_depts,
        hr_review_cycles.attended_depts,

        hr_review_cycles.planned_start,
        hr_review_cycles.planned_end,
        hr_review_cycles.actual_start,
        hr_review_cycles.actual_end
    from hr_review_cycles

)

select * from final
