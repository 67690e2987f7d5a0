with

crm_loyalty_enrolments as (

    {{ accepted_rows('erp', 'crm_loyalty_enrolments', {'customer_id': 'text', 'programme': 'text'}) }}

),

final as (

    select
        crm_loyalty_enrolments.customer_id,
        crm_loyalty_enrolments.programme,

        {{ clean_text('crm_loyalty_enrolments.benefit_type') }} as benefit_type,
        crm_loyalty_enrolments.is_control,

        crm_loyalty_enrolments.enrolled_at,
        crm_loyalty_enrolments.left_at
    from crm_loyalty_enrolments

)

select * from final
