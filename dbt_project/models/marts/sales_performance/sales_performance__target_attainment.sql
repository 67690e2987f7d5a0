{%- set horizons = ['quarter', 'half', 'year'] -%}
{%- set scope = 'measure_id, product_line, region_code, channel_id, currency' -%}

with

targets as (

    select * from {{ ref('fct_target') }}

),

months as (

    select * from {{ ref('sales_performance__trend_period') }}
    where period_type = 'month'

),

bands as (

    select * from {{ ref('attainment_bands') }}

),

business_day as (

    select * from {{ ref('business_day') }}

),

-- An empty slice of a target means all of it, which the actuals meet as 'all' ('unknown' is a slice of its own).
-- Targets of a person or a campaign have no actuals here.
company_targets as (

    select
        period_month as month_start,
        measure_id,
        coalesce(product_line, 'all') as product_line,
        coalesce(region_code, 'all') as region_code,
        coalesce(channel_id, 'all') as channel_id,
        coalesce(currency, case when measure_id = 'units' then 'all' else 'unknown' end) as currency,
        target_value,
        version as target_version,
        extract(
            day from period_month + interval '1 month' - period_month::timestamp
        )::integer as days_in_month
    from targets
    where
        is_current_version
        and measure_id in ('revenue', 'profit', 'units')
        and rep_id is null
        and campaign_id is null

),

actuals as (

    select
        period_start as month_start,
        case when grouping(product_line) = 1 then 'all' else product_line end as product_line,
        case when grouping(region_code) = 1 then 'all' else region_code end as region_code,
        case when grouping(channel_id) = 1 then 'all' else channel_id end as channel_id,
        case when grouping(currency) = 1 then 'all' else currency end as currency,
        sum(revenue) as revenue,
        sum(gross_profit) as gross_profit,
        sum(units) as units
    from months
    where line_count > 0
    group by period_start, cube (product_line, region_code, channel_id, currency)

),

-- Nothing sold is an actual of zero; a profit whose cost is not known, or money without a currency, is no actual.
compared as (

    select
        company_targets.*,
        greatest(
            0, least(company_targets.days_in_month, business_day.business_day - company_targets.month_start + 1)
        ) as days_elapsed,
        case
            when company_targets.measure_id <> 'units' and company_targets.currency = 'unknown' then null
            when actuals.month_start is null then 0
            when company_targets.measure_id = 'revenue' then actuals.revenue
            when company_targets.measure_id = 'profit' then actuals.gross_profit
            when company_targets.measure_id = 'units' then actuals.units
        end as actual_value
    from company_targets
    cross join business_day
    left join actuals
        on
            company_targets.month_start = actuals.month_start
            and company_targets.product_line = actuals.product_line
            and company_targets.region_code = actuals.region_code
            and company_targets.channel_id = actuals.channel_id
            and company_targets.currency = actuals.currency

),

phased as (

    select
        *,
        target_value * days_elapsed / days_in_month as phased_target_value,
        date_trunc('quarter', month_start)::date as quarter_start,
        make_date(
            extract(year from month_start)::integer, case when extract(month from month_start) < 7 then 1 else 7 end, 1
        ) as half_start,
        date_trunc('year', month_start)::date as year_start
    from compared

),

-- Actual and target cover the same months: those that have a target in this scope. An unknown month makes the
-- actual to date unknown.
cumulated as (

    select
        *,
        {%- for horizon in horizons %}
        {%- set whole = scope ~ ', ' ~ horizon ~ '_start' %}
        {%- set to_date = whole ~ ' order by month_start' %}
        case
            when count(actual_value) over (partition by {{ to_date }}) = count(*) over (partition by {{ to_date }})
                then sum(actual_value) over (partition by {{ to_date }})
        end as {{ horizon }}_actual_to_date,
        sum(phased_target_value) over (partition by {{ to_date }}) as {{ horizon }}_phased_target_to_date,
        sum(target_value) over (partition by {{ whole }}) as {{ horizon }}_target_value,
        sum(days_in_month) over (partition by {{ whole }})
        - sum(days_elapsed) over (partition by {{ to_date }}) as {{ horizon }}_days_remaining,
        {%- endfor %}
        days_elapsed = days_in_month as is_complete_period,
        actual_value / nullif(target_value, 0) as target_attainment_rate
    from phased

),

-- A month under way has not missed its target yet: its pace says how it stands.
banded as (

    select
        cumulated.*,
        bands.attainment_status as target_attainment_status
    from cumulated
    left join bands
        on
            cumulated.is_complete_period
            and (bands.lower_bound is null or cumulated.target_attainment_rate >= bands.lower_bound)
            and (bands.upper_bound is null or cumulated.target_attainment_rate < bands.upper_bound)
    where cumulated.days_elapsed > 0

),

final as (

    select
        month_start,
        measure_id,
        product_line,
        region_code,
        channel_id,
        currency,
        is_complete_period,
        target_version,
        actual_value::numeric(20, 4) as actual_value,
        target_value::numeric(20, 4) as target_value,
        phased_target_value::numeric(20, 4) as phased_target_value,
        {%- for horizon in horizons %}
        {{ horizon }}_actual_to_date::numeric(20, 4) as {{ horizon }}_actual_to_date,
        {{ horizon }}_phased_target_to_date::numeric(20, 4) as {{ horizon }}_phased_target_to_date,
        {{ horizon }}_target_value::numeric(20, 4) as {{ horizon }}_target_value,
        {{ horizon }}_days_remaining,
        {%- endfor %}
        {%- for horizon in horizons %}
        ({{ horizon }}_actual_to_date / nullif({{ horizon }}_phased_target_to_date, 0))::numeric(28, 8)
            as {{ horizon }}_pace_index,
        case
            when {{ horizon }}_actual_to_date is not null
                then
                    greatest({{ horizon }}_target_value - {{ horizon }}_actual_to_date, 0)
                    / nullif({{ horizon }}_days_remaining, 0)
        end::numeric(20, 4) as {{ horizon }}_run_rate_required,
        {%- endfor %}
        (actual_value / nullif(phased_target_value, 0))::numeric(28, 8) as month_pace_index,
        target_attainment_rate::numeric(28, 8) as target_attainment_rate,
        target_attainment_status
    from banded

)

select * from final
