with

hr_security_checks as (

    {{ accepted_rows('erp', 'hr_security_checks', {'check_id': 'text'}) }}

),

final as (

    select
        hr_security_checks.check_id,

        {{ clean_text('hr_security_checks.check_type') }} as check_type,
        {{ clean_text('hr_security_checks.finding_severity') }} as finding_severity,
        hr_security_checks.access_violation_flag,

        hr_security_checks.planned_on,
        hr_security_checks.performed_on,
        hr_security_checks.fixed_on
    from hr_security_checks

)

select * from final
