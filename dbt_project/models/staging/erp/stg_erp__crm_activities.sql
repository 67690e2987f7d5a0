with

crm_activities as (

    {{ accepted_rows('erp', 'crm_activities', {'activity_id': 'text'}) }}

),

final as (

    select
        crm_activities.activity_id,
        nullif(crm_activities.rep_id, '') as rep_id,
        nullif(crm_activities.customer_id, '') as customer_id,

        {{ clean_text('crm_activities.activity_type') }} as activity_type,
        crm_activities.shared_flag,
        {{ clean_text('crm_activities.shared_type') }} as shared_type,

        crm_activities.occurred_at
    from crm_activities

)

select * from final
