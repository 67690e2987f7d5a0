with

hr_collab_cases as (

    {{ accepted_rows('erp', 'hr_collab_cases', {'case_id': 'text'}) }}

),

final as (

    select
        hr_collab_cases.case_id,
        nullif(hr_collab_cases.opp_id, '') as opp_id,
        nullif(hr_collab_cases.campaign_id, '') as campaign_id,

        {{ clean_text('hr_collab_cases.case_type') }} as case_type,
        {{ clean_text('hr_collab_cases.from_dept') }} as from_dept,
        {{ clean_text('hr_collab_cases.to_dept') }} as to_dept,
        {{ clean_text('hr_collab_cases.raised_by') }} as raised_by,
        {{ clean_text('hr_collab_cases.cause') }} as cause,

        hr_collab_cases.delay_hours,
        hr_collab_cases.satisfaction,

        hr_collab_cases.opened_at,
        hr_collab_cases.info_shared_at,
        hr_collab_cases.resolved_at
    from hr_collab_cases

)

select * from final
