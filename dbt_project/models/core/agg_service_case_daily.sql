{{
    config(
        materialized='incremental',
        incremental_strategy='affected_days',
        unique_key='day',
        meta={'changes': 'affected_service_days'},
        indexes=[{'columns': ['day']}],
        post_hook='{{ analyze() }}',
    )
}}

{%- set stages = {'verification': 'verified_at', 'liability': 'liability_at', 'solution': 'solution_at'} -%}
{%- set delay_causes = ['staffing', 'approval', 'parts', 'other'] %}

with

affected_service_days as (

    select * from {{ ref('affected_service_days') }}

),

clock as (

    select * from {{ ref('service_clock') }}

),

cases as (

    select * from {{ ref('fct_service_case') }}

),

-- What was known at the end of the business day: a later stamp has not happened yet.
known_cases as (

    select
        cases.*,
        clock.known_until,
        case when cases.first_response_at < clock.known_until then cases.first_response_at end as answered_at,
        case when cases.closed_at < clock.known_until then cases.closed_at end as ended_at,
        {%- for stage, stamp in stages.items() %}
        case when cases.{{ stamp }} < clock.known_until then cases.{{ stamp }} end as {{ stage }}_known_at,
        {%- endfor %}
        cases.escalation_level > 0
        and coalesce(cases.escalated_at < clock.known_until, true) as is_escalated
    from cases
    inner join clock
        on cases.opened_on <= clock.business_day

    {%- if is_incremental() %}

    where cases.opened_on in (select affected_service_days.day from affected_service_days)

    {%- endif %}

),

-- A limit is judged once it was kept or missed: a case that has time left is neither.
judged_cases as (

    select
        known_cases.*,
        known_cases.answered_at <= known_cases.response_due_at as is_answered_in_time,
        known_cases.response_due_at is not null
        and (known_cases.answered_at is not null or known_cases.response_due_at < known_cases.known_until)
            as is_response_judged,
        known_cases.ended_at <= known_cases.closing_due_at as is_closed_in_time,
        known_cases.closing_due_at is not null
        and (known_cases.ended_at is not null or known_cases.closing_due_at < known_cases.known_until)
            as is_closing_judged,
        -- A call before the last closing did not ask how it ended.
        case
            when known_cases.followup_at >= known_cases.ended_at and known_cases.followup_at < known_cases.known_until
                then known_cases.followup_at
        end as called_back_at
    from known_cases

),

looped_cases as (

    select
        judged_cases.*,
        coalesce(judged_cases.is_closed_in_time and judged_cases.called_back_at <= judged_cases.follow_up_due_at, false)
            as is_loop_closed,
        judged_cases.is_closing_judged
        and judged_cases.case_type = 'complaint'
        and (
            judged_cases.is_closed_in_time is not true
            or judged_cases.called_back_at is not null
            or judged_cases.follow_up_due_at < judged_cases.known_until
        ) as is_loop_judged
    from judged_cases

),

final as (

    select
        looped_cases.opened_on as day,
        looped_cases.case_type,
        looped_cases.case_class,
        looped_cases.complaint_type,
        looped_cases.urgency,
        looped_cases.region_code,

        count(*) as case_count,
        count(looped_cases.answered_at) as answered_count,
        count(*) filter (where looped_cases.is_response_judged) as response_due_count,
        count(*) filter (where looped_cases.is_answered_in_time) as answered_in_time_count,
        count(looped_cases.ended_at) as closed_count,
        count(*) filter (where looped_cases.is_closing_judged) as closing_due_count,
        count(*) filter (where looped_cases.is_closed_in_time) as closed_in_time_count,
        count(*) filter (where looped_cases.is_loop_judged) as closed_loop_due_count,
        count(*) filter (where looped_cases.is_loop_judged and looped_cases.is_loop_closed) as closed_loop_count,
        count(*) filter (
            where
            looped_cases.ended_at is null
            and (
                looped_cases.closing_due_at < looped_cases.known_until
                or (looped_cases.answered_at is null and looped_cases.response_due_at < looped_cases.known_until)
            )
        ) as overdue_count,
        count(*) filter (where looped_cases.is_reopened) as reopened_count,
        count(*) filter (where looped_cases.is_escalated) as escalated_count,
        count(*) filter (where looped_cases.needs_escalation) as needs_escalation_count,
        count(*) filter (where looped_cases.needs_escalation and not looped_cases.is_escalated)
            as unescalated_count,
        {%- for stage in stages %}
        count(looped_cases.{{ stage }}_known_at) as {{ stage }}_count,
        count(*) filter (where looped_cases.{{ stage }}_known_at <= looped_cases.{{ stage }}_due_at)
            as {{ stage }}_in_time_count,
        {%- endfor %}
        {%- for cause in delay_causes %}
        count(*) filter (
            where
            looped_cases.is_response_judged
            and looped_cases.is_answered_in_time is not true
            and looped_cases.delay_cause = '{{ cause }}'
        ) as late_by_{{ cause }}_count,
        {%- endfor %}

        coalesce(
            sum(looped_cases.response_hours) filter (where looped_cases.answered_at is not null), 0
        )::numeric(20, 9) as response_hours_sum,
        coalesce(
            sum(looped_cases.resolution_hours) filter (where looped_cases.ended_at is not null), 0
        )::numeric(20, 9) as resolution_hours_sum
    from looped_cases
    group by
        looped_cases.opened_on,
        looped_cases.case_type,
        looped_cases.case_class,
        looped_cases.complaint_type,
        looped_cases.urgency,
        looped_cases.region_code

)

select * from final
