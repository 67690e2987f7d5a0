with

crm_stage_history as (

    {{ accepted_rows('erp', 'crm_stage_history', {'opp_id': 'text', 'stage': 'text', 'entered_at': 'timestamptz'}) }}

),

final as (

    select
        crm_stage_history.opp_id,
        crm_stage_history.stage,

        crm_stage_history.entered_at,
        crm_stage_history.left_at
    from crm_stage_history

)

select * from final
