{{
    config(
        materialized='incremental',
        incremental_strategy='changed_keys',
        unique_key='review_id',
        meta={'changes': 'changed_reviews'},
        indexes=[{'columns': ['posted_on']}, {'columns': ['sku']}],
        post_hook='{{ analyze() }}',
    )
}}

with

changed_reviews as (

    select * from {{ ref('changed_reviews') }}

),

reviews as (

    select * from {{ ref('stg_ecommerce__reviews') }}

),

products as (

    select * from {{ ref('dim_product') }}

),

reviews_to_build as (

    select reviews.*
    from reviews

    {%- if is_incremental() %}

    where reviews.review_id in (select changed_reviews.review_id from changed_reviews)

    {%- endif %}

),

final as (

    select
        reviews_to_build.review_id,
        reviews_to_build.order_id,
        reviews_to_build.line_no,
        reviews_to_build.user_id,
        reviews_to_build.sku,
        products.product_key,

        coalesce(products.product_line, 'unknown') as product_line,
        coalesce(products.category, 'unknown') as category,
        reviews_to_build.platform,
        reviews_to_build.brand,
        reviews_to_build.product_name,
        reviews_to_build.is_default,
        reviews_to_build.review_text is not null as has_text,

        reviews_to_build.rating,

        reviews_to_build.posted_on,
        reviews_to_build.posted_at
    from reviews_to_build
    left join products
        on
            reviews_to_build.sku = products.sku
            and reviews_to_build.posted_on between products.first_day and products.last_day

)

select * from final
