with

crm_assignments as (

    {{ accepted_rows('erp', 'crm_assignments', {'customer_id': 'text', 'rep_id': 'text', 'valid_from': 'date'}) }}

),

final as (

    select
        crm_assignments.customer_id,
        crm_assignments.rep_id,
        crm_assignments.valid_from,

        crm_assignments.is_dedicated,

        crm_assignments.valid_to
    from crm_assignments

)

select * from final
