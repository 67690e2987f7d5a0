with

returns as (

    {{ accepted_rows('erp', 'erp_returns', {'return_id': 'text'}) }}

),

source_systems as (

    select * from {{ source('ops', 'source_system') }}

),

final as (

    select
        returns.return_id,
        nullif(returns.order_id, '') as order_id,
        returns.line_no,
        nullif(returns.sku, '') as sku,
        nullif(returns.customer_id, '') as customer_id,
        nullif(returns.channel_id, '') as channel_id,

        {{ clean_text('returns.country') }} as country,
        {{ clean_text('returns.return_type') }} as return_type,
        {{ clean_text('returns.reason_code') }} as reason_code,
        {{ clean_text('returns.currency') }} as currency,

        returns.qty,
        returns.touch_count,
        returns.refund_amount,

        (returns.requested_at at time zone source_systems.time_zone)::date as requested_on,
        (returns.completed_at at time zone source_systems.time_zone)::date as completed_on
    from returns
    inner join source_systems
        on source_systems.system = 'erp'

)

select * from final
