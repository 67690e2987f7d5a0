{{ config(materialized='view') }}

with

complaints as (

    select * from {{ ref('fct_complaint') }}

),

tickets as (

    select * from {{ ref('fct_service_ticket') }}

),

chats as (

    select * from {{ ref('fct_chat') }}

),

survey_responses as (

    select * from {{ ref('fct_survey_response') }}

),

complaint_cases as (

    select
        'complaint' as case_type,
        complaints.complaint_id as case_id,
        complaints.opened_on,
        complaints.customer_id,
        complaints.customer_key,
        complaints.sku,
        coalesce(complaints.region_code, 'unknown') as region_code,

        complaints.case_class,
        coalesce(complaints.complaint_type, 'unknown') as complaint_type,
        coalesce(complaints.urgency, 'unknown') as urgency,
        coalesce(complaints.source_channel, 'unknown') as source_channel,
        complaints.liable_dept,
        complaints.delay_cause,
        complaints.is_safety,
        complaints.is_reopened,
        complaints.needs_escalation,
        complaints.escalation_level,

        complaints.response_hours,
        complaints.resolution_hours,

        complaints.opened_at,
        complaints.first_response_at,
        complaints.verified_at,
        complaints.liability_at,
        complaints.solution_at,
        complaints.closed_at,
        complaints.escalated_at,
        complaints.followup_at,
        complaints.response_due_at,
        complaints.verification_due_at,
        complaints.liability_due_at,
        complaints.solution_due_at,
        complaints.closing_due_at,
        complaints.follow_up_due_at,
        complaints.settled_at
    from complaints

),

other_cases as (

    select
        'ticket' as case_type,
        tickets.ticket_id as case_id,
        tickets.opened_on,
        tickets.customer_id,
        tickets.customer_key,
        tickets.sku,
        tickets.region_code,
        tickets.case_class,
        tickets.response_hours,
        tickets.resolution_hours,
        tickets.opened_at,
        tickets.first_response_at,
        tickets.closed_at,
        tickets.response_due_at,
        tickets.closing_due_at,
        tickets.settled_at
    from tickets

    union all

    -- A bot's conversation waits for nobody.
    select
        'chat' as case_type,
        chats.chat_id as case_id,
        chats.opened_on,
        chats.customer_id,
        chats.customer_key,
        null::text as sku,
        chats.region_code,
        chats.case_class,
        chats.response_hours,
        chats.resolution_hours,
        chats.opened_at,
        chats.first_response_at,
        chats.closed_at,
        chats.response_due_at,
        chats.closing_due_at,
        chats.settled_at
    from chats
    where not chats.is_bot_only

    union all

    select
        'survey' as case_type,
        survey_responses.response_key as case_id,
        survey_responses.opened_on,
        survey_responses.customer_id,
        survey_responses.customer_key,
        null::text as sku,
        survey_responses.region_code,
        survey_responses.case_class,
        survey_responses.response_hours,
        survey_responses.resolution_hours,
        survey_responses.opened_at,
        survey_responses.first_response_at,
        survey_responses.closed_at,
        survey_responses.response_due_at,
        survey_responses.closing_due_at,
        survey_responses.settled_at
    from survey_responses
    where survey_responses.needs_followup

),

final as (

    select * from complaint_cases

    union all

    select
        other_cases.case_type,
        other_cases.case_id,
        other_cases.opened_on,
        other_cases.customer_id,
        other_cases.customer_key,
        other_cases.sku,
        coalesce(other_cases.region_code, 'unknown') as region_code,

        other_cases.case_class,
        'not_applicable' as complaint_type,
        'not_applicable' as urgency,
        'not_applicable' as source_channel,
        null::text as liable_dept,
        null::text as delay_cause,
        false as is_safety,
        false as is_reopened,
        false as needs_escalation,
        0 as escalation_level,

        other_cases.response_hours,
        other_cases.resolution_hours,

        other_cases.opened_at,
        other_cases.first_response_at,
        null::timestamptz as verified_at,
        null::timestamptz as liability_at,
        null::timestamptz as solution_at,
        other_cases.closed_at,
        null::timestamptz as escalated_at,
        null::timestamptz as followup_at,
        other_cases.response_due_at,
        null::timestamptz as verification_due_at,
        null::timestamptz as liability_due_at,
        null::timestamptz as solution_due_at,
        other_cases.closing_due_at,
        null::timestamptz as follow_up_due_at,
        other_cases.settled_at
    from other_cases

)

select * from final
