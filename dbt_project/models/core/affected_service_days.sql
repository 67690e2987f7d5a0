{%- set logs = {
    'changed_complaints': ('fct_complaint', 'complaint_id'),
    'changed_service_tickets': ('fct_service_ticket', 'ticket_id'),
    'changed_chats': ('fct_chat', 'chat_id'),
    'changed_survey_responses': ('fct_survey_response', 'response_key'),
} %}

with

build_window as (

    select * from {{ ref('build_window') }}

),

clock as (

    select * from {{ ref('service_clock') }}

),

{%- for log, (fact, key) in logs.items() %}

{{ log }} as (

    select * from {{ ref(log) }}

),

{{ fact }} as (

    select * from {{ ref(fact) }}

),

{%- endfor %}

all_days as (

    {%- for log, (fact, key) in logs.items() %}

    select {{ log }}.opened_on_before as day
    from {{ log }}

    union

    select {{ fact }}.opened_on as day
    from {{ fact }}
    inner join {{ log }}
        on {{ fact }}.{{ key }} = {{ log }}.{{ key }}

    union

    -- Limits run out, and stamps from after the business day are reached, without any change of the row.
    select {{ fact }}.opened_on as day
    from {{ fact }}
    inner join clock
        on {{ fact }}.settled_at >= clock.known_until_before
    where clock.is_time_passed

    union

    -- Aggregates that no finished build vouches for are taken up whole.
    select {{ fact }}.opened_on as day
    from {{ fact }}
    cross join build_window
    where build_window.last_built_id is null

    {%- if not loop.last %}

    union

    {%- endif %}

    {%- endfor %}

),

final as (

    select all_days.day
    from all_days
    where all_days.day is not null

)

select * from final
