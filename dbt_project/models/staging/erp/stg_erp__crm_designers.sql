with

crm_designers as (

    {{ accepted_rows('erp', 'crm_designers', {'designer_id': 'text'}) }}

),

final as (

    select
        crm_designers.designer_id,

        {{ clean_text('crm_designers.firm') }} as firm,
        crm_designers.active_flag,

        crm_designers.certified_at
    from crm_designers

)

select * from final
