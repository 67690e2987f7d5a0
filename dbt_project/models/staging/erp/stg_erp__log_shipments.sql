with

log_shipments as (

    {{ accepted_rows('erp', 'log_shipments', {'shipment_id': 'text'}) }}

),

final as (

    select
        log_shipments.shipment_id,
        nullif(log_shipments.order_id, '') as order_id,
        nullif(log_shipments.carrier_id, '') as carrier_id,
        nullif(log_shipments.origin_location_id, '') as origin_location_id,

        {{ clean_text('log_shipments.dest_province') }} as dest_province,
        {{ clean_text('log_shipments.dest_country') }} as dest_country,
        {{ clean_text('log_shipments.transport_mode') }} as transport_mode,
        {{ clean_text('log_shipments.delay_cause') }} as delay_cause,
        log_shipments.is_emergency_plan,

        log_shipments.freight_cost,

        log_shipments.promised_date,
        log_shipments.shipped_at,
        log_shipments.delivered_at
    from log_shipments

)

select * from final
