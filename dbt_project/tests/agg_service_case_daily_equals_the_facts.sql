-- The aggregate holds what the facts hold, day by day, also where only time has passed over them.
with

clock as (

    select * from {{ ref('service_clock') }}

),

cases as (

    select * from {{ ref('fct_service_case') }}

),

daily_cases as (

    select * from {{ ref('agg_service_case_daily') }}

),

facts_by_day as (

    select
        cases.opened_on as day,
        cases.case_class,
        count(*) as case_count,
        count(*) filter (where cases.first_response_at < clock.known_until) as answered_count,
        count(*) filter (where cases.closed_at < clock.known_until) as closed_count,
        count(*) filter (
            where
            coalesce(cases.closed_at, 'infinity') >= clock.known_until
            and (
                cases.closing_due_at < clock.known_until
                or (
                    cases.response_due_at < clock.known_until
                    and coalesce(cases.first_response_at, 'infinity') >= clock.known_until
                )
            )
        ) as overdue_count
    from cases
    inner join clock
        on cases.opened_at < clock.known_until
    group by
        cases.opened_on,
        cases.case_class

),

aggregate_by_day as (

    select
        daily_cases.day,
        daily_cases.case_class,
        sum(daily_cases.case_count) as case_count,
        sum(daily_cases.answered_count) as answered_count,
        sum(daily_cases.closed_count) as closed_count,
        sum(daily_cases.overdue_count) as overdue_count
    from daily_cases
    group by
        daily_cases.day,
        daily_cases.case_class

),

final as (

    select
        coalesce(facts_by_day.day, aggregate_by_day.day) as day,
        coalesce(facts_by_day.case_class, aggregate_by_day.case_class) as case_class,
        facts_by_day.case_count as cases_in_facts,
        aggregate_by_day.case_count as cases_in_aggregate
    from facts_by_day
    full outer join aggregate_by_day
        on
            facts_by_day.day = aggregate_by_day.day
            and facts_by_day.case_class = aggregate_by_day.case_class
    where
        facts_by_day.case_count is distinct from aggregate_by_day.case_count
        or facts_by_day.answered_count is distinct from aggregate_by_day.answered_count
        or facts_by_day.closed_count is distinct from aggregate_by_day.closed_count
        or facts_by_day.overdue_count is distinct from aggregate_by_day.overdue_count

)

select * from final
