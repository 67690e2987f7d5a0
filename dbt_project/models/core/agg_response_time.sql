{{
    config(
        materialized='incremental',
        incremental_strategy='affected_days',
        unique_key='period_key',
        meta={'changes': 'affected_service_periods'},
        indexes=[{'columns': ['period_key']}],
        post_hook='{{ analyze() }}',
    )
}}

{%- set measures = ['response', 'resolution'] %}

with

affected_service_periods as (

    select * from {{ ref('affected_service_periods') }}

),

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
    inner join clock
        on cases.opened_on <= clock.business_day
    left join customers
        on cases.customer_key = customers.customer_key

),

periods as (

    {%- for period_type in ['day', 'week', 'month', 'quarter', 'year', 'all'] %}

    select
        {{ period_key(period_type, 'known_cases.opened_on') }} as period_key,
        '{{ period_type }}' as period_type,
        {{ period_start(period_type, 'known_cases.opened_on') }} as period_start,
        known_cases.*
    from known_cases

    {%- if not loop.last %}

    union all

    {%- endif %}

    {%- endfor %}

),

periods_to_build as (

    select periods.*
    from periods

    {%- if is_incremental() %}

    where periods.period_key in (select affected_service_periods.period_key from affected_service_periods)

    {%- endif %}

),

-- All history is sorted anew every night: for everything and each class, and no finer.
sliced as (

    select
        periods_to_build.*,
        slices.slice_type,
        slices.slice_value
    from periods_to_build
    cross join
        lateral (
            values
            ('all', 'all'),
            ('case_class', periods_to_build.case_class),
            ('complaint_type', periods_to_build.complaint_type),
            ('urgency', periods_to_build.urgency),
            ('region', periods_to_build.region_code),
            ('source_channel', periods_to_build.source_channel),
            ('customer_tier', periods_to_build.customer_tier)
        ) as slices (slice_type, slice_value)
    where
        slices.slice_value <> 'not_applicable'
        and (periods_to_build.period_type <> 'all' or slices.slice_type in ('all', 'case_class'))

),

-- Percentiles don't roll up: every period and slice has its own.
measured as (

    select
        sliced.period_key,
        sliced.period_type,
        sliced.period_start,
        sliced.case_type,
        sliced.slice_type,
        sliced.slice_value,
        {%- for measure in measures %}
        percentile_cont(array[0.5, 0.9]) within group (order by sliced.{{ measure }}_hours)
            as {{ measure }}_percentiles,
        sum(sliced.{{ measure }}_hours) as {{ measure }}_hours_sum,
        {%- endfor %}
        count(*) as case_count,
        count(sliced.response_hours) as answered_count,
        count(sliced.resolution_hours) as closed_count,
        count(*) filter (where sliced.is_reopened) as reopened_count
    from sliced
    group by
        sliced.period_key,
        sliced.period_type,
        sliced.period_start,
        sliced.case_type,
        sliced.slice_type,
        sliced.slice_value

),

final as (

    select
        measured.period_key,
        measured.period_type,
        measured.period_start,
        measured.case_type,
        measured.slice_type,
        measured.slice_value,

        {%- for measure in measures %}
        measured.{{ measure }}_hours_sum::numeric(20, 9) as {{ measure }}_hours_sum,
        measured.{{ measure }}_percentiles[1]::numeric(18, 9) as {{ measure }}_hours_median,
        measured.{{ measure }}_percentiles[2]::numeric(18, 9) as {{ measure }}_hours_p90,
        {%- endfor %}
        measured.case_count,
        measured.answered_count,
        measured.closed_count,
        measured.reopened_count
    from measured

)

select * from final
