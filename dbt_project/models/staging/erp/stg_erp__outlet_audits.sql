with

outlet_audits as (

    {{ accepted_rows('erp', 'erp_outlet_audits', {'audit_id': 'text'}) }}

),

final as (

    select
        outlet_audits.audit_id,
        nullif(outlet_audits.outlet_id, '') as outlet_id,
        nullif(outlet_audits.campaign_id, '') as campaign_id,

        {{ clean_text('outlet_audits.check_item') }} as check_item,
        outlet_audits.passed,

        outlet_audits.audit_date
    from outlet_audits

)

select * from final
