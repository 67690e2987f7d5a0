{{
    config(
        materialized='incremental',
        incremental_strategy='changed_keys',
        unique_key='complaint_id',
        meta={'changes': 'changed_complaints'},
        indexes=[
            {'columns': ['opened_on']},
            {'columns': ['settled_at']},
            {'columns': ['customer_id']},
            {'columns': ['sku']},
        ],
        post_hook='{{ analyze() }}',
    )
}}

{%- set stages = ['response', 'verification', 'liability', 'solution', 'closing'] %}

with

changed_complaints as (

    select * from {{ ref('changed_complaints') }}

),

complaints as (

    select * from {{ ref('stg_service__complaints') }}

),

products as (

    select * from {{ ref('dim_product') }}

),

customers as (

    select * from {{ ref('dim_customer') }}

),

case_classes as (

    select * from {{ ref('dim_case_class') }}
    where case_type = 'complaint'

),

escalation_lines as (

    select * from {{ ref('escalation_lines') }}

),

complaints_to_build as (

    select complaints.*
    from complaints

    {%- if is_incremental() %}

    where complaints.complaint_id in (select changed_complaints.complaint_id from changed_complaints)

    {%- endif %}

),

attributed as (

    select
        complaints_to_build.*,
        products.product_key,
        customers.customer_key,
        coalesce(complaints_to_build.region_code, customers.region_code) as region_of_case,
        case_classes.case_class,
        complaints_to_build.is_safety
        or coalesce(complaints_to_build.claim_amount >= escalation_lines.large_claim_amount, false)
            as needs_escalation,

        {%- for stage in stages %}
        complaints_to_build.opened_at + case_classes.{{ stage }}_limit_hours * interval '1 hour' as {{ stage }}_due_at,
        {%- endfor %}
        complaints_to_build.closed_at + case_classes.follow_up_limit_hours * interval '1 hour' as follow_up_due_at
    from complaints_to_build
    left join products
        on
            complaints_to_build.sku = products.sku
            and complaints_to_build.opened_on between products.first_day and products.last_day
    left join customers
        on
            complaints_to_build.customer_id = customers.customer_id
            and complaints_to_build.opened_on between customers.first_day and customers.last_day
    left join case_classes as named_classes
        on complaints_to_build.complaint_type = named_classes.case_class
    left join case_classes
        on coalesce(named_classes.case_class, 'other') = case_classes.case_class
    left join escalation_lines
        on complaints_to_build.currency = escalation_lines.currency

),

final as (

    select
        attributed.complaint_id,
        attributed.opened_on,
        attributed.customer_id,
        attributed.customer_key,
        attributed.sku,
        attributed.product_key,
        attributed.order_id,
        attributed.serial_no,
        attributed.campaign_id,
        attributed.region_of_case as region_code,

        attributed.complaint_type,
        attributed.case_class,
        attributed.root_cause,
        attributed.urgency,
        attributed.source_channel,
        attributed.liable_dept,
        attributed.delay_cause,
        attributed.currency,
        attributed.is_safety,
        attributed.is_reopened,
        attributed.needs_escalation,
        attributed.escalation_level,

        attributed.claim_amount,
        attributed.followup_score,
        {{ hours_between('attributed.opened_at', 'attributed.first_response_at') }} as response_hours,
        {{ hours_between('attributed.opened_at', 'attributed.closed_at') }} as resolution_hours,

        attributed.opened_at,
        attributed.first_response_at,
        attributed.verified_at,
        attributed.liability_at,
        attributed.solution_at,
        attributed.closed_at,
        attributed.escalated_at,
        attributed.followup_at,
        {%- for stage in stages %}
        attributed.{{ stage }}_due_at,
        {%- endfor %}
        attributed.follow_up_due_at,
        greatest(
            attributed.opened_at,
            attributed.first_response_at,
            attributed.verified_at,
            attributed.liability_at,
            attributed.solution_at,
            attributed.closed_at,
            attributed.escalated_at,
            attributed.followup_at,
            attributed.response_due_at,
            attributed.closing_due_at,
            attributed.follow_up_due_at
        ) as settled_at
    from attributed

)

select * from final
