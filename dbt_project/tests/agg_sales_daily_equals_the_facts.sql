-- The aggregate holds what the facts hold, day by day: the incremental days were the right ones.
with

business_day as (

    select * from {{ ref('business_day') }}

),

order_lines as (

    select * from {{ ref('fct_sales_order_line') }}

),

returns as (

    select * from {{ ref('fct_return_line') }}

),

daily_sales as (

    select * from {{ ref('agg_sales_daily') }}

),

in_facts as (

    select
        order_lines.order_date as day,
        order_lines.net_amount as revenue,
        0 as refund_amount
    from order_lines
    inner join business_day
        on order_lines.order_date <= business_day.business_day
    where order_lines.is_valid

    union all

    select
        returns.completed_on as day,
        0 as revenue,
        returns.refund_amount
    from returns
    inner join business_day
        on returns.completed_on <= business_day.business_day
    where returns.is_completed

),

facts_by_day as (

    select
        in_facts.day,
        coalesce(sum(in_facts.revenue), 0) as revenue,
        coalesce(sum(in_facts.refund_amount), 0) as refund_amount
    from in_facts
    group by in_facts.day

),

aggregate_by_day as (

    select
        daily_sales.day,
        sum(daily_sales.revenue) as revenue,
        sum(daily_sales.refund_amount) as refund_amount
    from daily_sales
    group by daily_sales.day

),

final as (

    select
        coalesce(facts_by_day.day, aggregate_by_day.day) as day,
        facts_by_day.revenue as revenue_in_facts,
        aggregate_by_day.revenue as revenue_in_aggregate,
        facts_by_day.refund_amount as refund_in_facts,
        aggregate_by_day.refund_amount as refund_in_aggregate
    from facts_by_day
    full outer join aggregate_by_day
        on facts_by_day.day = aggregate_by_day.day
    where
        facts_by_day.revenue is distinct from aggregate_by_day.revenue
        or facts_by_day.refund_amount is distinct from aggregate_by_day.refund_amount

)

select * from final
