{%- set measures = {'response': 'first_response', 'resolution': 'resolution'} %}

with

clock as (

    select * from {{ ref('service_clock') }}

),

cases as (

    select * from {{ ref('fct_service_case') }}

),

customers as (

    select * from {{ ref('dim_customer') }}

),

-- What was known at the end of the business day: a later stamp has not happened yet.
known_cases as (

    select
        cases.case_type,
        cases.opened_on,
        cases.case_class,
        cases.complaint_type,
        cases.urgency,
        cases.region_code,
        cases.source_channel,
        coalesce(customers.account_class, 'unknown') as customer_tier,
        cases.is_reopened,
        case when cases.first_response_at < clock.known_until then cases.response_hours end as response_hours,
        case when cases.closed_at < clock.known_until then cases.resolution_hours end as resolution_hours
    from cases
    inner join clock on cases.opened_on <= clock.business_day
    left join customers on cases.customer_key = customers.customer_key

),

first_day as (

    select min(opened_on) as day
    from known_cases

),

sliced as (

    select
        known_cases.*,
        periods.period_type,
        periods.period_start,
        slices.slice_type,
        slices.slice_value
    from known_cases
    cross join first_day
    cross join
        lateral (
            values
            ('day', known_cases.opened_on),
            ('week', date_trunc('week', known_cases.opened_on)::date),
            ('month', date_trunc('month', known_cases.opened_on)::date),
            ('quarter', date_trunc('quarter', known_cases.opened_on)::date),
            ('year', date_trunc('year', known_cases.opened_on)::date),
            ('all', first_day.day)
        ) as periods (period_type, period_start)
    cross join
        lateral (
            values
            ('all', 'all'),
            ('case_class', known_cases.case_class),
            ('complaint_type', known_cases.complaint_type),
            ('urgency', known_cases.urgency),
            ('region', known_cases.region_code),
            ('source_channel', known_cases.source_channel),
            ('customer_tier', known_cases.customer_tier)
        ) as slices (slice_type, slice_value)
    where slices.slice_value <> 'not_applicable'

),

-- Percentiles don't roll up: every period and slice has its own.
measured as (

    select
        period_type,
        period_start,
        case_type,
        slice_type,
        slice_value,
        {%- for measure in measures %}
        percentile_cont(array[0.5, 0.9]) within group (order by {{ measure }}_hours) as {{ measure }}_percentiles,
        avg({{ measure }}_hours) as mean_{{ measure }}_hours,
        {%- endfor %}
        count(*) as case_count,
        count(response_hours) as answered_count,
        count(resolution_hours) as closed_count,
        count(*) filter (where is_reopened) as reopened_count
    from sliced
    group by 1, 2, 3, 4, 5

),

final as (

    select
        period_type,
        period_start,
        case_type,
        slice_type,
        slice_value,
        case_count,
        answered_count,
        closed_count,
        reopened_count,
        {%- for measure, name in measures.items() %}
        {{ measure }}_percentiles[1]::numeric(18, 6) as median_{{ name }}_hours,
        {{ measure }}_percentiles[2]::numeric(18, 6) as p90_{{ name }}_hours,
        mean_{{ measure }}_hours::numeric(18, 6) as mean_{{ name }}_hours,
        ({{ measure }}_percentiles[1] / 24)::numeric(18, 6) as median_{{ name }}_days,
        (mean_{{ measure }}_hours / 24)::numeric(18, 6) as mean_{{ name }}_days,
        {%- endfor %}
        (reopened_count::numeric / case_count)::numeric(28, 8) as reopened_share
    from measured

)

select * from final
