{{
    config(
        materialized='incremental',
        incremental_strategy='affected_days',
        unique_key='day',
        meta={'changes': 'affected_days'},
        indexes=[{'columns': ['day']}],
        post_hook='{{ analyze() }}',
    )
}}

with

affected_days as (

    select * from {{ ref('affected_days') }}

),

business_day as (

    select * from {{ ref('business_day') }}

),

order_lines as (

    select * from {{ ref('fct_sales_order_line') }}

),

valid_lines as (

    select
        order_lines.order_id,
        order_lines.order_date as day,
        coalesce(order_lines.sku, 'unknown') as sku
    from order_lines
    inner join business_day
        on order_lines.order_date <= business_day.business_day
    where
        order_lines.is_valid

        {%- if is_incremental() %}

        and order_lines.order_date in (select affected_days.day from affected_days)

        {%- endif %}

),

final as (

    select
        valid_lines.day,
        valid_lines.sku,

        count(distinct valid_lines.order_id) as order_count
    from valid_lines
    group by
        valid_lines.day,
        valid_lines.sku

)

select * from final
