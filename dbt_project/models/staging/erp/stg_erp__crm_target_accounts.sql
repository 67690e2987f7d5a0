with

crm_target_accounts as (

    {{ accepted_rows('erp', 'crm_target_accounts', {'account_id': 'text'}) }}

),

final as (

    select
        crm_target_accounts.account_id,
        nullif(crm_target_accounts.customer_id, '') as customer_id,

        {{ clean_text('crm_target_accounts.segment') }} as segment,
        {{ clean_text('crm_target_accounts.industry') }} as industry,
        {{ clean_text('crm_target_accounts.province') }} as province,
        {{ clean_text('crm_target_accounts.smart_interest') }} as smart_interest,

        crm_target_accounts.potential_score,

        crm_target_accounts.first_won_at
    from crm_target_accounts

)

select * from final
