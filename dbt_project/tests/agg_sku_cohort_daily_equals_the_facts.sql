-- What came back stands in the aggregate under the day of its order: the incremental days were the right ones.
with

business_day as (

    select * from {{ ref('business_day') }}

),

returns as (

    select * from {{ ref('fct_return_line') }}

),

order_lines as (

    select * from {{ ref('fct_sales_order_line') }}

),

daily_cohorts as (

    select * from {{ ref('agg_sku_cohort_daily') }}

),

facts_by_day as (

    select
        returns.attributed_on as day,
        sum(returns.qty) as units_back
    from returns
    inner join business_day
        on
            returns.attributed_on <= business_day.business_day
            and coalesce(returns.requested_on, returns.completed_on) <= business_day.business_day
    left join order_lines
        on
            returns.order_id = order_lines.order_id
            and returns.line_no = order_lines.line_no
    where order_lines.order_id is null or order_lines.is_valid
    group by returns.attributed_on

),

aggregate_by_day as (

    select
        daily_cohorts.day,
        sum(daily_cohorts.returned_units + daily_cohorts.exchanged_units) as units_back
    from daily_cohorts
    group by daily_cohorts.day

),

final as (

    select
        coalesce(facts_by_day.day, aggregate_by_day.day) as day,
        facts_by_day.units_back as units_in_facts,
        aggregate_by_day.units_back as units_in_aggregate
    from facts_by_day
    full outer join aggregate_by_day
        on facts_by_day.day = aggregate_by_day.day
    where coalesce(facts_by_day.units_back, 0) <> coalesce(aggregate_by_day.units_back, 0)

)

select * from final
