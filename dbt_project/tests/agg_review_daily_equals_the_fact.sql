-- Every review up to the business day stands in the aggregate once: the incremental days were the right ones.
with

business_day as (

    select * from {{ ref('business_day') }}

),

reviews as (

    select * from {{ ref('fct_review') }}

),

daily_reviews as (

    select * from {{ ref('agg_review_daily') }}

),

fact_by_day as (

    select
        reviews.posted_on as day,
        count(*) filter (where not reviews.is_default and reviews.rating is not null) as review_count,
        coalesce(sum(reviews.rating) filter (where not reviews.is_default), 0) as rating_sum,
        count(*) filter (where reviews.is_default) as default_review_count
    from reviews
    inner join business_day
        on reviews.posted_on <= business_day.business_day
    group by reviews.posted_on

),

aggregate_by_day as (

    select
        daily_reviews.day,
        sum(daily_reviews.review_count) as review_count,
        sum(daily_reviews.rating_sum) as rating_sum,
        sum(daily_reviews.default_review_count) as default_review_count
    from daily_reviews
    group by daily_reviews.day

),

final as (

    select
        coalesce(fact_by_day.day, aggregate_by_day.day) as day,
        fact_by_day.review_count as reviews_in_fact,
        aggregate_by_day.review_count as reviews_in_aggregate,
        fact_by_day.rating_sum as ratings_in_fact,
        aggregate_by_day.rating_sum as ratings_in_aggregate
    from fact_by_day
    full outer join aggregate_by_day
        on fact_by_day.day = aggregate_by_day.day
    where
        fact_by_day.review_count is distinct from aggregate_by_day.review_count
        or fact_by_day.rating_sum is distinct from aggregate_by_day.rating_sum
        or fact_by_day.default_review_count is distinct from aggregate_by_day.default_review_count

)

select * from final
