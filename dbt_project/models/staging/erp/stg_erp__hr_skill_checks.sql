with

hr_skill_checks as (

    {{ accepted_rows('erp', 'hr_skill_checks', {'emp_id': 'text', 'skill': 'text', 'assessed_on': 'date'}) }}

),

final as (

    select
        hr_skill_checks.emp_id,
        hr_skill_checks.skill,
        hr_skill_checks.assessed_on,

        hr_skill_checks.passed,

        hr_skill_checks.score
    from hr_skill_checks

)

select * from final
