with

hr_action_items as (

    {{ accepted_rows('erp', 'hr_action_items', {'action_id': 'text'}) }}

),

final as (

    select
        hr_action_items.action_id,
        nullif(hr_action_items.review_id, '') as review_id,
        nullif(hr_action_items.linked_metric_id, '') as linked_metric_id,
        nullif(hr_action_items.linked_sku, '') as linked_sku,
        nullif(hr_action_items.owner_id, '') as owner_id,

        {{ clean_text('hr_action_items.dimension') }} as dimension,
        {{ clean_text('hr_action_items.theme') }} as theme,
        {{ clean_text('hr_action_items.status') }} as status,

        hr_action_items.progress_pct,
        hr_action_items.baseline_value,
        hr_action_items.target_value,
        hr_action_items.closing_value,

        hr_action_items.created_on,
        hr_action_items.start_on,
        hr_action_items.due_on,
        hr_action_items.done_on
    from hr_action_items

)

select * from final
