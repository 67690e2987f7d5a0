with

hr_pipeline_runs as (

    {{ accepted_rows('erp', 'hr_pipeline_runs', {'job_name': 'text', 'scheduled_for': 'timestamptz'}) }}

),

final as (

    select
        hr_pipeline_runs.job_name,

        {{ clean_text('hr_pipeline_runs.source_system') }} as source_system,

        hr_pipeline_runs.rows_loaded,
        hr_pipeline_runs.rows_expected,

        hr_pipeline_runs.scheduled_for,
        hr_pipeline_runs.loaded_at
    from hr_pipeline_runs

)

select * from final
