with

crm_leads as (

    {{ accepted_rows('erp', 'crm_leads', {'lead_id': 'text'}) }}

),

final as (

    select
        crm_leads.lead_id,
        nullif(crm_leads.event_id, '') as event_id,
        {{ clean_text('crm_leads.region_code') }} as region_code,
        nullif(crm_leads.owner_id, '') as owner_id,
        nullif(crm_leads.customer_id, '') as customer_id,

        {{ clean_text('crm_leads.source_channel') }} as source_channel,
        {{ clean_text('crm_leads.segment') }} as segment,
        {{ clean_text('crm_leads.grade') }} as grade,
        {{ clean_text('crm_leads.predicted_grade') }} as predicted_grade,

        crm_leads.talk_depth,

        crm_leads.created_at,
        crm_leads.qualified_at,
        crm_leads.first_followup_at,
        crm_leads.converted_at
    from crm_leads

)

select * from final
