with

hr_review_findings as (

    {{ accepted_rows('erp', 'hr_review_findings', {'finding_id': 'text'}) }}

),

final as (

    select
        hr_review_findings.finding_id,
        nullif(hr_review_findings.review_id, '') as review_id,
        nullif(hr_review_findings.linked_action_id, '') as linked_action_id,

        {{ clean_text('hr_review_findings.dimension') }} as dimension,
        {{ clean_text('hr_review_findings.issue_category') }} as issue_category,
        {{ clean_text('hr_review_findings.root_cause_level') }} as root_cause_level,
        {{ clean_text('hr_review_findings.root_cause') }} as root_cause,
        hr_review_findings.adopted_flag,

        hr_review_findings.impact_amount
    from hr_review_findings

)

select * from final
