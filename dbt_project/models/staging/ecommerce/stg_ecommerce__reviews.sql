with

reviews as (

    {{ accepted_rows('ecommerce', 'rev_reviews', {'review_id': 'text'}) }}

),

source_systems as (

    select * from {{ source('ops', 'source_system') }}

),

final as (

    select
        reviews.review_id,
        nullif(reviews.order_id, '') as order_id,
        reviews.line_no,
        nullif(reviews.user_id, '') as user_id,
        nullif(reviews.sku, '') as sku,

        {{ clean_text('reviews.product_name') }} as product_name,
        {{ clean_text('reviews.brand') }} as brand,
        {{ clean_text('reviews.platform') }} as platform,
        {{ clean_text('reviews.review_text') }} as review_text,
        coalesce(reviews.is_default, false) as is_default,

        reviews.rating,

        (reviews.posted_at at time zone source_systems.time_zone)::date as posted_on,
        reviews.posted_at
    from reviews
    inner join source_systems
        on source_systems.system = 'ecommerce'

)

select * from final
