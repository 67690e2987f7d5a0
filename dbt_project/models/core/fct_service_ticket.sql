{{
    config(
        materialized='incremental',
        incremental_strategy='changed_keys',
        unique_key='ticket_id',
        meta={'changes': 'changed_service_tickets'},
        indexes=[
            {'columns': ['opened_on']},
            {'columns': ['settled_at']},
            {'columns': ['customer_id']},
            {'columns': ['sku']},
        ],
        post_hook='{{ analyze() }}',
    )
}}

with

changed_service_tickets as (

    select * from {{ ref('changed_service_tickets') }}

),

repairs as (

    select * from {{ ref('stg_service__repairs') }}

),

products as (

    select * from {{ ref('dim_product') }}

),

customers as (

    select * from {{ ref('dim_customer') }}

),

case_classes as (

    select * from {{ ref('dim_case_class') }}
    where case_type = 'ticket'

),

tickets_to_build as (

    select
        repairs.*,
        'service_ticket' as case_class
    from repairs

    {%- if is_incremental() %}

    where repairs.ticket_id in (select changed_service_tickets.ticket_id from changed_service_tickets)

    {%- endif %}

),

attributed as (

    select
        tickets_to_build.*,
        products.product_key,
        customers.customer_key,
        customers.region_code,
        tickets_to_build.opened_at + case_classes.response_limit_hours * interval '1 hour' as response_due_at,
        tickets_to_build.opened_at + case_classes.closing_limit_hours * interval '1 hour' as closing_due_at
    from tickets_to_build
    left join products
        on
            tickets_to_build.sku = products.sku
            and tickets_to_build.opened_on between products.first_day and products.last_day
    left join customers
        on
            tickets_to_build.customer_id = customers.customer_id
            and tickets_to_build.opened_on between customers.first_day and customers.last_day
    left join case_classes
        on tickets_to_build.case_class = case_classes.case_class

),

final as (

    select
        attributed.ticket_id,
        attributed.opened_on,
        attributed.customer_id,
        attributed.customer_key,
        attributed.sku,
        attributed.product_key,
        attributed.order_id,
        attributed.serial_no,
        attributed.region_code,

        attributed.case_class,
        attributed.fault_code,
        attributed.cause_class,
        attributed.is_compat_issue,
        attributed.is_remote,
        attributed.is_resolved_remotely,

        attributed.work_minutes,
        {{ hours_between('attributed.opened_at', 'attributed.first_response_at') }} as response_hours,
        {{ hours_between('attributed.opened_at', 'attributed.closed_at') }} as resolution_hours,

        attributed.opened_at,
        attributed.first_response_at,
        attributed.arrived_at,
        attributed.closed_at,
        attributed.response_due_at,
        attributed.closing_due_at,
        greatest(
            attributed.opened_at,
            attributed.first_response_at,
            attributed.closed_at,
            attributed.response_due_at,
            attributed.closing_due_at
        ) as settled_at
    from attributed

)

select * from final
