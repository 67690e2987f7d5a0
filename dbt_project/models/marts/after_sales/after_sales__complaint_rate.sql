with

complaints as (

    select * from {{ ref('agg_complaint_daily') }}

),

sales as (

    select * from {{ ref('agg_sales_daily') }}

),

orders as (

    select * from {{ ref('agg_order_daily') }}

),

sku_orders as (

    select * from {{ ref('agg_sku_order_daily') }}

),

period_types (period_type, made_of) as (

    values ('week', 'week'), ('month', 'month'), ('quarter', 'month'), ('year', 'month')

),

-- Before the first complaint nothing is known of complaints: that is not a rate of zero.
first_day as (

    select min(day) as day
    from complaints

),

complaint_days as (

    select
        complaints.day,
        slices.slice_type,
        slices.slice_value,
        complaints.complaint_count,
        0 as order_count
    from complaints
    cross join
        lateral (
            values
            ('all', 'all'),
            ('product_line', complaints.product_line),
            ('sku', complaints.sku),
            ('region', complaints.region_code)
        ) as slices (slice_type, slice_value)

),

-- An order has one day, region, channel, platform and currency, but several SKUs and product lines: its slices are
-- counted apart.
order_days as (

    select
        sales.day,
        slices.slice_type,
        slices.slice_value,
        0 as complaint_count,
        sales.order_count
    from sales
    cross join
        lateral (
            values ('all', 'all'), ('region', sales.region_code)
        ) as slices (slice_type, slice_value)
    where sales.order_count > 0

    union all

    select
        day,
        'product_line' as slice_type,
        product_line as slice_value,
        0 as complaint_count,
        orders_in_cell as order_count
    from orders

    union all

    select
        day,
        'sku' as slice_type,
        sku as slice_value,
        0 as complaint_count,
        order_count
    from sku_orders

),

all_days as (

    select * from complaint_days
    union all
    select * from order_days

),

weeks_and_months as (

    select
        period_types.period_type,
        date_trunc(period_types.period_type, all_days.day)::date as period_start,
        all_days.slice_type,
        all_days.slice_value,
        sum(all_days.complaint_count) as complaint_count,
        sum(all_days.order_count) as order_count
    from all_days
    inner join period_types on period_types.period_type = period_types.made_of
    cross join first_day
    where all_days.day >= least(date_trunc('week', first_day.day), date_trunc('year', first_day.day))::date
    group by 1, 2, 3, 4

),

folded as (

    select
        period_types.period_type,
        date_trunc(period_types.period_type, weeks_and_months.period_start)::date as period_start,
        weeks_and_months.slice_type,
        weeks_and_months.slice_value,
        sum(weeks_and_months.complaint_count)::bigint as complaint_count,
        sum(weeks_and_months.order_count)::bigint as order_count
    from weeks_and_months
    inner join period_types on weeks_and_months.period_type = period_types.made_of
    cross join first_day
    where
        date_trunc(period_types.period_type, weeks_and_months.period_start)::date
        >= date_trunc(period_types.period_type, first_day.day)::date
    group by 1, 2, 3, 4

),

rated as (

    select
        *,
        1000 * complaint_count / nullif(order_count, 0)::numeric as complaint_rate
    from folded

),

final as (

    select
        rated.period_type,
        rated.period_start,
        rated.slice_type,
        rated.slice_value,
        rated.complaint_count,
        rated.order_count,
        rated.complaint_rate::numeric(20, 6) as complaint_rate,
        before.complaint_rate::numeric(20, 6) as preceding_complaint_rate,
        (rated.complaint_rate / nullif(before.complaint_rate, 0) - 1)::numeric(28, 8) as complaint_rate_change
    from rated
    left join rated as before
        on
            rated.period_type = before.period_type
            and rated.slice_type = before.slice_type
            and rated.slice_value = before.slice_value
            and before.period_start
            = date_trunc(rated.period_type, rated.period_start - interval '1 day')::date

)

select * from final
