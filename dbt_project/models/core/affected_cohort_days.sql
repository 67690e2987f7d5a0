with

build_window as (

    select * from {{ ref('build_window') }}

),

changed_orders as (

    select * from {{ ref('changed_sales_orders') }}

),

changed_returns as (

    select * from {{ ref('changed_returns') }}

),

order_lines as (

    select * from {{ ref('fct_sales_order_line') }}

),

returns as (

    select * from {{ ref('fct_return_line') }}

),

days_before as (

    select changed_orders.order_date_before as day from changed_orders
    union
    select changed_returns.attributed_on_before as day from changed_returns

),

days_after as (

    select order_lines.order_date as day
    from order_lines
    inner join changed_orders
        on order_lines.order_id = changed_orders.order_id

    union

    select returns.attributed_on as day
    from returns
    inner join changed_returns
        on returns.return_id = changed_returns.return_id

),

-- Orders dated after the business day wait in the fact, and enter the aggregate when their day is reached.
days_reached as (

    select build_window.first_business_day + later.days as day
    from build_window
    cross join lateral generate_series(
        1, build_window.last_business_day - build_window.first_business_day
    ) as later (days)

),

-- So do returns, which count on the day of their order.
days_of_returns_reached as (

    select returns.attributed_on as day
    from returns
    inner join days_reached
        on coalesce(returns.requested_on, returns.completed_on) = days_reached.day

),

-- An aggregate that no finished build vouches for is taken up whole.
days_unproven as (

    select order_lines.order_date as day
    from order_lines
    cross join build_window
    where build_window.last_built_id is null

    union

    select returns.attributed_on as day
    from returns
    cross join build_window
    where build_window.last_built_id is null

),

all_days as (

    select days_before.day from days_before
    union
    select days_after.day from days_after
    union
    select days_reached.day from days_reached
    union
    select days_of_returns_reached.day from days_of_returns_reached
    union
    select days_unproven.day from days_unproven

),

final as (

    select all_days.day
    from all_days
    where all_days.day is not null

)

select * from final
