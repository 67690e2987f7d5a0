with

complaints as (

    select * from {{ ref('agg_complaint_daily') }}

),

root_causes as (

    select * from {{ ref('root_causes') }}

),

business_day as (

    select * from {{ ref('business_day') }}

),

rules as (

    select * from {{ ref('service_rules') }}
    where rule_id = 'issue_ranking_days'

),

period_types (period_type) as (

    values ('week'), ('month')

),

first_day as (

    select min(day) as day
    from complaints

),

-- A ranking looks back from the last day of a week or month, of one under way from the business day.
periods as (

    select distinct
        period_types.period_type,
        date_trunc(period_types.period_type, days.day)::date as period_start
    from first_day
    cross join business_day
    cross join period_types
    cross join lateral generate_series(first_day.day, business_day.business_day, interval '1 day') as days (day)

),

period_ends as (

    select
        periods.period_type,
        periods.period_start,
        least(
            (periods.period_start + ('1 ' || periods.period_type)::interval)::date - 1, business_day.business_day
        ) as window_end
    from periods
    cross join business_day

),

windows as (

    select
        period_ends.period_type,
        period_ends.period_start,
        period_ends.window_end - rules.value::integer + 1 as window_start,
        period_ends.window_end
    from period_ends
    cross join rules

),

-- Materialised: the planner takes generated windows for millions, and would go through all complaints once for each.
window_days as materialized (

    select
        windows.*,
        days.day::date as day
    from windows
    cross join generate_series(windows.window_start, windows.window_end, interval '1 day') as days (day)

),

complaint_days as materialized (

    select
        day,
        'all' as sku,
        root_cause,
        sum(complaint_count) as complaint_count
    from complaints
    group by 1, 3
    union all
    select
        day,
        sku,
        root_cause,
        sum(complaint_count) as complaint_count
    from complaints
    group by 1, 2, 3

),

-- A SKU is ranked by month alone: it has few complaints.
counted as (

    select
        window_days.period_type,
        window_days.period_start,
        window_days.window_start,
        window_days.window_end,
        complaint_days.sku,
        complaint_days.root_cause,
        sum(complaint_days.complaint_count)::bigint as complaint_count
    from window_days
    inner join complaint_days on window_days.day = complaint_days.day
    where complaint_days.sku = 'all' or window_days.period_type = 'month'
    group by 1, 2, 3, 4, 5, 6

),

-- A cause not yet found takes no place and no share; its complaints stand in a row of their own.
ranked as (

    select
        *,
        root_cause <> 'unknown' as is_known,
        sum(complaint_count) over (
            partition by period_type, period_start, sku, root_cause <> 'unknown'
        ) as known_complaint_count,
        rank() over (
            partition by period_type, period_start, sku, root_cause <> 'unknown'
            order by complaint_count desc
        ) as issue_rank,
        sum(complaint_count) over (
            partition by period_type, period_start, sku, root_cause <> 'unknown'
            order by complaint_count desc
        ) as cumulative_complaint_count
    from counted

),

final as (

    select
        ranked.period_type,
        ranked.period_start,
        ranked.sku,
        ranked.root_cause,
        root_causes.label_en as root_cause_label_en,
        root_causes.label_zh as root_cause_label_zh,
        ranked.window_start,
        ranked.window_end,
        ranked.complaint_count,
        case when ranked.is_known then ranked.issue_rank end as complaint_issue_ranking,
        case
            when ranked.is_known then ranked.complaint_count / ranked.known_complaint_count
        end::numeric(28, 8) as issue_share,
        case
            when ranked.is_known then ranked.cumulative_complaint_count / ranked.known_complaint_count
        end::numeric(28, 8) as cumulative_issue_share
    from ranked
    left join root_causes on ranked.root_cause = root_causes.root_cause

)

select * from final
