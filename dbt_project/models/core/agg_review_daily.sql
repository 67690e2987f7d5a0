{{
    config(
        materialized='incremental',
        incremental_strategy='affected_days',
        unique_key='day',
        meta={'changes': 'affected_review_days'},
        indexes=[{'columns': ['day']}],
        post_hook='{{ analyze() }}',
    )
}}

with

affected_days as (

    select * from {{ ref('affected_review_days') }}

),

business_day as (

    select * from {{ ref('business_day') }}

),

reviews as (

    select * from {{ ref('fct_review') }}

),

low_rating as (

    select * from {{ ref('product_rules') }}
    where rule_id = 'low_rating'

),

reviews_to_count as (

    select
        reviews.posted_on as day,
        coalesce(reviews.sku, 'unknown') as sku,
        coalesce(reviews.platform, 'unknown') as platform,
        coalesce(reviews.brand, 'unknown') as brand,
        reviews.is_default,
        reviews.rating,
        not reviews.is_default and reviews.rating is not null as is_opinion
    from reviews
    inner join business_day
        on reviews.posted_on <= business_day.business_day

    {%- if is_incremental() %}

    where reviews.posted_on in (select affected_days.day from affected_days)

    {%- endif %}

),

final as (

    select
        reviews_to_count.day,
        reviews_to_count.sku,
        reviews_to_count.platform,
        reviews_to_count.brand,

        count(*) filter (where reviews_to_count.is_opinion) as review_count,
        coalesce(
            sum(reviews_to_count.rating) filter (where reviews_to_count.is_opinion), 0
        )::numeric(14, 2) as rating_sum,
        count(*) filter (
            where reviews_to_count.is_opinion and reviews_to_count.rating <= low_rating.value
        ) as low_rating_count,
        count(*) filter (where reviews_to_count.is_default) as default_review_count
    from reviews_to_count
    cross join low_rating
    group by
        reviews_to_count.day,
        reviews_to_count.sku,
        reviews_to_count.platform,
        reviews_to_count.brand

)

select * from final
