{%- set measures = {'response': 'first_response', 'resolution': 'resolution'} %}

with

periods as (

    select * from {{ ref('agg_response_time') }}

),

first_day as (

    select min(period_start) as day
    from periods
    where period_type = 'day'

),

final as (

    select
        periods.period_type,
        case when periods.period_type = 'all' then first_day.day else periods.period_start end as period_start,
        periods.case_type,
        periods.slice_type,
        periods.slice_value,
        periods.case_count,
        periods.answered_count,
        periods.closed_count,
        periods.reopened_count,
        {%- for measure, name in measures.items() %}
        {%- set count = {'response': 'answered_count', 'resolution': 'closed_count'}[measure] %}
        {%- set mean = 'periods.' ~ measure ~ '_hours_sum / nullif(periods.' ~ count ~ ', 0)' %}
        periods.{{ measure }}_hours_median as median_{{ name }}_hours,
        periods.{{ measure }}_hours_p90 as p90_{{ name }}_hours,
        ({{ mean }})::numeric(18, 6) as mean_{{ name }}_hours,
        (periods.{{ measure }}_hours_median / 24)::numeric(18, 6) as median_{{ name }}_days,
        ({{ mean }} / 24)::numeric(18, 6) as mean_{{ name }}_days,
        {%- endfor %}
        (periods.reopened_count::numeric / periods.case_count)::numeric(28, 8) as reopened_share
    from periods
    cross join first_day

)

select * from final
