with

evt_incidents as (

    {{ accepted_rows('erp', 'evt_incidents', {'incident_id': 'text'}) }}

),

final as (

    select
        evt_incidents.incident_id,
        nullif(evt_incidents.event_id, '') as event_id,
        nullif(evt_incidents.campaign_id, '') as campaign_id,

        {{ clean_text('evt_incidents.incident_type') }} as incident_type,

        evt_incidents.affected_visitors,

        evt_incidents.occurred_at,
        evt_incidents.switched_at,
        evt_incidents.resolved_at
    from evt_incidents

)

select * from final
