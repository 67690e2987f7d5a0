-- Marts of periods, windows and open cases have no columns in common with core, and still hold all of its cases.
with

complaints as (

    select
        day,
        sum(complaint_count) as complaint_count
    from {{ ref('agg_complaint_daily') }}
    group by day

),

cases as (

    select
        case_type,
        sum(case_count + answered_count + closed_count) as counts,
        sum(overdue_count) as overdue_count
    from {{ ref('agg_service_case_daily') }}
    group by case_type

),

rates as (

    select * from {{ ref('after_sales__complaint_rate') }}

),

rankings as (

    select * from {{ ref('after_sales__issue_ranking') }}

),

times as (

    select * from {{ ref('after_sales__response_time') }}

),

alerts as (

    select * from {{ ref('after_sales__overdue_alert') }}

),

windows as (

    select
        rankings.period_type,
        rankings.period_start,
        rankings.sku = 'all' as is_all,
        rankings.window_start,
        rankings.window_end,
        sum(rankings.complaint_count) as in_mart
    from rankings
    group by
        rankings.period_type,
        rankings.period_start,
        rankings.sku = 'all',
        rankings.window_start,
        rankings.window_end

),

compared as (

    select
        'complaint_rate ' || rates.period_type || ' ' || rates.slice_type as what,
        sum(rates.complaint_count) as in_mart,
        (select sum(complaints.complaint_count) from complaints) as in_core
    from rates
    group by
        rates.period_type,
        rates.slice_type

    union all

    select
        'issue_ranking ' || windows.period_type || ' ' || windows.period_start || ' ' || windows.is_all as what,
        windows.in_mart,
        sum(complaints.complaint_count) as in_core
    from windows
    left join complaints
        on complaints.day between windows.window_start and windows.window_end
    group by
        windows.period_type,
        windows.period_start,
        windows.is_all,
        windows.in_mart

    union all

    select
        'response_time ' || times.period_type || ' ' || times.slice_type || ' ' || times.case_type as what,
        sum(times.case_count + times.answered_count + times.closed_count) as in_mart,
        (
            select cases.counts
            from cases
            where cases.case_type = times.case_type
        ) as in_core
    from times
    group by
        times.period_type,
        times.slice_type,
        times.case_type

    union all

    select
        'overdue_alert' as what,
        (select count(*) from alerts) as in_mart,
        coalesce(sum(cases.overdue_count), 0) as in_core
    from cases

),

final as (

    select *
    from compared
    where in_mart is distinct from in_core

)

select * from final
