with

hr_project_roles as (

    {{ accepted_rows('erp', 'hr_project_roles', {'opp_id': 'text', 'emp_id': 'text'}) }}

),

final as (

    select
        hr_project_roles.opp_id,
        hr_project_roles.emp_id,

        {{ clean_text('hr_project_roles.role') }} as role,

        hr_project_roles.contribution_pct
    from hr_project_roles

)

select * from final
