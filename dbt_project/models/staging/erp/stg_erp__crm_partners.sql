with

crm_partners as (

    {{ accepted_rows('erp', 'crm_partners', {'dealer_id': 'text', 'assessed_at': 'timestamptz'}) }}

),

final as (

    select
        crm_partners.dealer_id,

        {{ clean_text('crm_partners.tier') }} as tier,

        crm_partners.financial_score,
        crm_partners.service_score,
        crm_partners.technical_score,
        crm_partners.rebate_pct,

        crm_partners.assessed_at
    from crm_partners

)

select * from final
