with

crm_usage as (

    {{ accepted_rows('erp', 'crm_usage', {'rep_id': 'text', 'used_on': 'date', 'feature': 'text'}) }}

),

final as (

    select
        crm_usage.rep_id,
        crm_usage.used_on,
        crm_usage.feature,

        crm_usage.actions,
        crm_usage.records_complete_pct
    from crm_usage

)

select * from final
