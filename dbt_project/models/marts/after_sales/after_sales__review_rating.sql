with

review_days as (

    select * from {{ ref('agg_review_daily') }}

),

reviews as (

    select * from {{ ref('fct_review') }}

),

products as (

    select * from {{ ref('dim_product') }}
    where is_current

),

business_day as (

    select * from {{ ref('business_day') }}

),

-- What a platform calls a SKU that the ERP does not know.
platform_names as (

    select
        reviews.sku,
        reviews.platform,
        (array_agg(reviews.product_name order by reviews.posted_at desc, reviews.review_id asc))[1] as product_name
    from reviews
    inner join business_day on reviews.posted_on <= business_day.business_day
    where reviews.product_key is null and reviews.product_name is not null
    group by 1, 2

),

months as (

    select
        date_trunc('month', day)::date as month_start,
        sku,
        platform,
        -- A SKU listed under two brands within the month stands under the one last used.
        (array_agg(brand order by day desc, brand asc))[1] as brand,
        sum(review_count)::bigint as review_count,
        sum(rating_sum)::numeric(20, 2) as rating_sum,
        sum(low_rating_count)::bigint as low_rating_count,
        sum(default_review_count)::bigint as default_review_count
    from review_days
    group by 1, 2, 3

),

final as (

    select
        months.month_start,
        months.sku,
        months.platform,
        months.brand,
        coalesce(products.product_name, platform_names.product_name) as product_name,
        months.month_start + interval '1 month' - interval '1 day' <= business_day.business_day as is_complete_period,
        months.review_count,
        months.rating_sum,
        months.low_rating_count,
        months.default_review_count,
        (months.rating_sum / nullif(months.review_count, 0))::numeric(12, 8) as average_review_rating,
        (months.low_rating_count::numeric / nullif(months.review_count, 0))::numeric(28, 8) as low_rating_share
    from months
    cross join business_day
    left join products on months.sku = products.sku
    left join platform_names
        on
            months.sku = platform_names.sku
            and months.platform = platform_names.platform

)

select * from final
