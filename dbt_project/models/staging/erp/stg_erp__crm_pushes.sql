with

crm_pushes as (

    {{ accepted_rows('erp', 'crm_pushes', {'push_id': 'text'}) }}

),

final as (

    select
        crm_pushes.push_id,
        nullif(crm_pushes.user_id, '') as user_id,
        nullif(crm_pushes.order_id, '') as order_id,

        {{ clean_text('crm_pushes.channel') }} as channel,
        {{ clean_text('crm_pushes.audience_tag') }} as audience_tag,

        crm_pushes.sent_at,
        crm_pushes.opened_at,
        crm_pushes.clicked_at
    from crm_pushes

)

select * from final
