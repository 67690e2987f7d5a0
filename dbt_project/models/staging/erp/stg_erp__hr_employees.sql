with

hr_employees as (

    {{ accepted_rows('erp', 'hr_employees', {'emp_id': 'text'}) }}

),

final as (

    select
        hr_employees.emp_id,
        {{ clean_text('hr_employees.region_code') }} as region_code,

        {{ clean_text('hr_employees.role') }} as role,
        {{ clean_text('hr_employees.dept') }} as dept,
        {{ clean_text('hr_employees.team') }} as team,
        {{ clean_text('hr_employees.seniority') }} as seniority,
        hr_employees.is_temp,

        hr_employees.hired_on,
        hr_employees.left_on
    from hr_employees

)

select * from final
