{{ config(post_hook='{{ analyze() }}') }}

{%- set amounts = ['revenue', 'refund_amount', 'discount_amount', 'costed_revenue'] -%}
{%- set counts = ['units', 'returned_units', 'line_count', 'order_count'] %}

with

sales as (

    select * from {{ ref('agg_sales_daily') }}

),

orders as (

    select * from {{ ref('agg_order_daily') }}

),

regions as (

    select * from {{ ref('dim_region') }}

),

channels as (

    select * from {{ ref('dim_channel') }}

),

business_day as (

    select * from {{ ref('business_day') }}

),

-- Each day of the past moves to exactly one day of today's year (29 February joins 28 February), so that the sum of
-- revenue_a_year_ago over any run of whole months is the revenue of the same months a year ago. A cell that sold only
-- a year ago is kept, or that sum would fall short.
compared as (

    select
        'current' as comparison,
        sales.day as compared_day,
        sales.*
    from sales
    union all
    select
        'a_year_ago' as comparison,
        (sales.day + interval '1 year')::date as compared_day,
        sales.*
    from sales
    cross join business_day
    where
        sales.line_count > 0
        and (sales.day + interval '1 year')::date <= business_day.business_day

),

cells as (

    select
        compared_day as day,
        product_line,
        region_code,
        channel_id,
        platform,
        currency,
        {%- for measure in amounts + counts %}
        coalesce(sum({{ measure }}) filter (where comparison = 'current'), 0) as {{ measure }},
        {%- endfor %}
        sum(revenue) filter (where comparison = 'a_year_ago') as revenue_a_year_ago,
        sum(gross_profit) filter (where comparison = 'current') as gross_profit,
        sum(revenue) filter (where comparison = 'current' and device_type = 'mobile') as mobile_revenue,
        sum(revenue) filter (where comparison = 'current' and device_type <> 'unknown') as known_device_revenue
    from compared
    group by 1, 2, 3, 4, 5, 6

),

components as (

    select
        cells.day,
        cells.product_line,
        cells.region_code,
        cells.channel_id,
        cells.platform,
        cells.currency,
        coalesce(regions.macro_region, 'unknown') as macro_region,
        coalesce(channels.channel_group, 'unknown') as channel_group,
        cells.revenue,
        cells.revenue_a_year_ago,
        cells.refund_amount,
        cells.revenue - cells.refund_amount as revenue_net_of_refunds,
        cells.discount_amount,
        cells.costed_revenue,
        cells.gross_profit,
        cells.units,
        cells.returned_units,
        cells.line_count,
        cells.order_count,
        coalesce(orders.orders_in_cell, 0) as orders_in_cell,
        case when channels.online_flag then cells.revenue else 0 end as online_revenue,
        -- Where no device is recorded the mobile share is not known, which is not a share of zero.
        case
            when not coalesce(channels.online_flag, false) then 0
            when cells.known_device_revenue is not null then coalesce(cells.mobile_revenue, 0)
        end as mobile_revenue
    from cells
    left join orders
        on
            cells.day = orders.day
            and cells.product_line = orders.product_line
            and cells.region_code = orders.region_code
            and cells.channel_id = orders.channel_id
            and cells.platform = orders.platform
            and cells.currency = orders.currency
    left join regions on cells.region_code = regions.region_code
    left join channels on cells.channel_id = channels.channel_id

),

final as (

    select
        day,
        product_line,
        region_code,
        channel_id,
        platform,
        currency,
        macro_region,
        channel_group,
        revenue::numeric(20, 4) as revenue,
        revenue_a_year_ago::numeric(20, 4) as revenue_a_year_ago,
        refund_amount::numeric(20, 4) as refund_amount,
        revenue_net_of_refunds::numeric(20, 4) as revenue_net_of_refunds,
        discount_amount::numeric(20, 4) as discount_amount,
        costed_revenue::numeric(20, 4) as costed_revenue,
        gross_profit::numeric(20, 4) as gross_profit,
        units::bigint as units,
        returned_units::bigint as returned_units,
        line_count::bigint as line_count,
        order_count::bigint as order_count,
        orders_in_cell,
        online_revenue::numeric(20, 4) as online_revenue,
        mobile_revenue::numeric(20, 4) as mobile_revenue,
        (revenue / nullif(revenue_a_year_ago, 0) - 1)::numeric(28, 8) as yoy_sales_growth_rate,
        (gross_profit / nullif(costed_revenue, 0))::numeric(28, 8) as gross_margin_rate,
        (revenue / nullif(orders_in_cell, 0))::numeric(20, 4) as average_order_value,
        (mobile_revenue / nullif(online_revenue, 0))::numeric(28, 8) as mobile_sales_share
    from components

)

select * from final
