with

hr_timesheets as (

    {{ accepted_rows('erp', 'hr_timesheets', {'emp_id': 'text', 'work_date': 'date'}) }}

),

final as (

    select
        hr_timesheets.emp_id,
        hr_timesheets.work_date,
        nullif(hr_timesheets.campaign_id, '') as campaign_id,

        hr_timesheets.hours,
        hr_timesheets.overtime_hours
    from hr_timesheets

)

select * from final
