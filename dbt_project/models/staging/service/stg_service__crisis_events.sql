with

crisis_events as (

    {{ accepted_rows('service', 'cs_crisis_events', {'crisis_id': 'text'}) }}

),

final as (

    select
        crisis_events.crisis_id,
        nullif(crisis_events.trigger_complaint_id, '') as trigger_complaint_id,

        {{ clean_text('crisis_events.severity') }} as severity,

        crisis_events.negative_mentions,

        crisis_events.detected_at,
        crisis_events.plan_activated_at,
        crisis_events.statement_at,
        crisis_events.closed_at
    from crisis_events

)

select * from final
