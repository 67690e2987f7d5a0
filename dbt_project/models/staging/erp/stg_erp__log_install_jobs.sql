with

log_install_jobs as (

    {{ accepted_rows('erp', 'log_install_jobs', {'job_id': 'text'}) }}

),

final as (

    select
        log_install_jobs.job_id,
        nullif(log_install_jobs.order_id, '') as order_id,
        nullif(log_install_jobs.team_id, '') as team_id,
        {{ clean_text('log_install_jobs.region_code') }} as region_code,

        log_install_jobs.checklist_items,
        log_install_jobs.checklist_passed,
        log_install_jobs.rating,

        log_install_jobs.booked_at,
        log_install_jobs.scheduled_at,
        log_install_jobs.started_at,
        log_install_jobs.completed_at
    from log_install_jobs

)

select * from final
