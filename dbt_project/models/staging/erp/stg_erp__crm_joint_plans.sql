with

crm_joint_plans as (

    {{ accepted_rows('erp', 'crm_joint_plans', {'plan_id': 'text'}) }}

),

final as (

    select
        crm_joint_plans.plan_id,
        nullif(crm_joint_plans.dealer_id, '') as dealer_id,

        {{ clean_text('crm_joint_plans.quarter') }} as quarter,
        {{ clean_text('crm_joint_plans.milestone') }} as milestone,

        crm_joint_plans.committed_amount,
        crm_joint_plans.spent_amount,

        crm_joint_plans.due_date,
        crm_joint_plans.done_at
    from crm_joint_plans

)

select * from final
