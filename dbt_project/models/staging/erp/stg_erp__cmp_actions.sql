with

cmp_actions as (

    {{ accepted_rows('erp', 'cmp_actions', {'action_id': 'text'}) }}

),

final as (

    select
        cmp_actions.action_id,
        nullif(cmp_actions.competitor_id, '') as competitor_id,
        {{ clean_text('cmp_actions.region_code') }} as region_code,
        {{ clean_text('cmp_actions.notes_code') }} as notes_code,

        {{ clean_text('cmp_actions.action_type') }} as action_type,
        {{ clean_text('cmp_actions.channel') }} as channel,
        {{ clean_text('cmp_actions.category') }} as category,

        cmp_actions.depth_pct,

        cmp_actions.observed_at,
        cmp_actions.started_on,
        cmp_actions.ended_on,
        cmp_actions.our_response_at
    from cmp_actions

)

select * from final
