with

crm_opportunities as (

    {{ accepted_rows('erp', 'crm_opportunities', {'opp_id': 'text'}) }}

),

final as (

    select
        crm_opportunities.opp_id,
        nullif(crm_opportunities.lead_id, '') as lead_id,
        nullif(crm_opportunities.customer_id, '') as customer_id,
        nullif(crm_opportunities.owner_id, '') as owner_id,
        nullif(crm_opportunities.channel_id, '') as channel_id,
        nullif(crm_opportunities.won_by_competitor_id, '') as won_by_competitor_id,

        {{ clean_text('crm_opportunities.segment') }} as segment,
        {{ clean_text('crm_opportunities.project_type') }} as project_type,
        crm_opportunities.is_bid,
        crm_opportunities.is_major_project,
        crm_opportunities.is_government,
        {{ clean_text('crm_opportunities.stage') }} as stage,
        {{ clean_text('crm_opportunities.outcome') }} as outcome,
        {{ clean_text('crm_opportunities.loss_reason') }} as loss_reason,
        {{ clean_text('crm_opportunities.script_type') }} as script_type,
        crm_opportunities.is_reference_case,

        crm_opportunities.contact_count,
        crm_opportunities.expected_amount,
        crm_opportunities.win_probability,
        crm_opportunities.won_amount,

        crm_opportunities.expected_close,
        crm_opportunities.created_at,
        crm_opportunities.closed_at
    from crm_opportunities

)

select * from final
