with

complaints as (

    {{ accepted_rows('service', 'cs_complaints', {'complaint_id': 'text'}) }}

),

source_systems as (

    select * from {{ source('ops', 'source_system') }}

),

final as (

    select
        complaints.complaint_id,
        nullif(complaints.customer_id, '') as customer_id,
        nullif(complaints.order_id, '') as order_id,
        nullif(complaints.sku, '') as sku,
        nullif(complaints.serial_no, '') as serial_no,
        nullif(complaints.campaign_id, '') as campaign_id,
        nullif(complaints.region_code, '') as region_code,

        {{ clean_text('complaints.complaint_type') }} as complaint_type,
        {{ clean_text('complaints.root_cause') }} as root_cause,
        {{ clean_text('complaints.urgency') }} as urgency,
        {{ clean_text('complaints.source_channel') }} as source_channel,
        {{ clean_text('complaints.liable_dept') }} as liable_dept,
        {{ clean_text('complaints.delay_cause') }} as delay_cause,
        {{ clean_text('complaints.complaint_text') }} as complaint_text,
        {{ clean_text('complaints.currency') }} as currency,
        coalesce(complaints.is_safety, false) as is_safety,
        coalesce(complaints.reopened_flag, false) as is_reopened,
        coalesce(complaints.escalation_level, 0) as escalation_level,

        complaints.claim_amount,
        complaints.followup_score,

        (complaints.created_at at time zone source_systems.time_zone)::date as opened_on,
        complaints.created_at as opened_at,
        complaints.first_response_at,
        complaints.verified_at,
        complaints.liability_at,
        complaints.solution_at,
        complaints.closed_at,
        complaints.escalated_at,
        complaints.followup_at
    from complaints
    inner join source_systems
        on source_systems.system = 'service'

)

select * from final
