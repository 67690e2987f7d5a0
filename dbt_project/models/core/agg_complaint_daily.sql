{{
    config(
        materialized='incremental',
        incremental_strategy='affected_days',
        unique_key='day',
        meta={'changes': 'affected_service_days'},
        indexes=[{'columns': ['day']}],
        post_hook='{{ analyze() }}',
    )
}}

with

affected_service_days as (

    select * from {{ ref('affected_service_days') }}

),

business_day as (

    select * from {{ ref('business_day') }}

),

complaints as (

    select * from {{ ref('fct_complaint') }}

),

products as (

    select * from {{ ref('dim_product') }}

),

opened_complaints as (

    select complaints.*
    from complaints
    inner join business_day
        on complaints.opened_on <= business_day.business_day

    {%- if is_incremental() %}

    where complaints.opened_on in (select affected_service_days.day from affected_service_days)

    {%- endif %}

),

described as (

    select
        opened_complaints.opened_on as day,
        coalesce(opened_complaints.complaint_type, 'unknown') as complaint_type,
        coalesce(opened_complaints.sku, 'unknown') as sku,
        coalesce(products.product_line, 'unknown') as product_line,
        coalesce(opened_complaints.region_code, 'unknown') as region_code,
        coalesce(opened_complaints.root_cause, 'unknown') as root_cause
    from opened_complaints
    left join products
        on opened_complaints.product_key = products.product_key

),

final as (

    select
        described.day,
        described.complaint_type,
        described.sku,
        described.product_line,
        described.region_code,
        described.root_cause,

        count(*) as complaint_count
    from described
    group by
        described.day,
        described.complaint_type,
        described.sku,
        described.product_line,
        described.region_code,
        described.root_cause

)

select * from final
