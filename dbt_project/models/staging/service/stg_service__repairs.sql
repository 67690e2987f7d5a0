with

repairs as (

    {{ accepted_rows('service', 'cs_repairs', {'ticket_id': 'text'}) }}

),

source_systems as (

    select * from {{ source('ops', 'source_system') }}

),

final as (

    select
        repairs.ticket_id,
        nullif(repairs.customer_id, '') as customer_id,
        nullif(repairs.order_id, '') as order_id,
        nullif(repairs.sku, '') as sku,
        nullif(repairs.serial_no, '') as serial_no,

        {{ clean_text('repairs.fault_code') }} as fault_code,
        {{ clean_text('repairs.cause_class') }} as cause_class,
        coalesce(repairs.is_compat_issue, false) as is_compat_issue,
        coalesce(repairs.is_remote, false) as is_remote,
        coalesce(repairs.resolved_remotely, false) as is_resolved_remotely,

        repairs.work_minutes,

        (repairs.opened_at at time zone source_systems.time_zone)::date as opened_on,
        repairs.opened_at,
        repairs.first_response_at,
        repairs.arrived_at,
        repairs.closed_at
    from repairs
    inner join source_systems
        on source_systems.system = 'service'

)

select * from final
