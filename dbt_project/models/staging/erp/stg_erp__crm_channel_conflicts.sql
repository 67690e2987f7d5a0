with

crm_channel_conflicts as (

    {{ accepted_rows('erp', 'crm_channel_conflicts', {'conflict_id': 'text'}) }}

),

final as (

    select
        crm_channel_conflicts.conflict_id,
        nullif(crm_channel_conflicts.dealer_id, '') as dealer_id,
        nullif(crm_channel_conflicts.counter_dealer_id, '') as counter_dealer_id,
        nullif(crm_channel_conflicts.sku, '') as sku,
        {{ clean_text('crm_channel_conflicts.region_code') }} as region_code,

        {{ clean_text('crm_channel_conflicts.conflict_type') }} as conflict_type,
        {{ clean_text('crm_channel_conflicts.severity') }} as severity,
        {{ clean_text('crm_channel_conflicts.detection_source') }} as detection_source,
        {{ clean_text('crm_channel_conflicts.resolution_type') }} as resolution_type,

        crm_channel_conflicts.penalty_amount,

        crm_channel_conflicts.detected_at,
        crm_channel_conflicts.resolved_at
    from crm_channel_conflicts

)

select * from final
