-- From the first review on, the units of a month's items stand in its bands once.
with

rating_returns as (

    select * from {{ ref('product_structure__rating_returns') }}

),

performance as (

    select * from {{ ref('product_structure__sku_performance') }}

),

daily_reviews as (

    select * from {{ ref('agg_review_daily') }}

),

first_month as (

    select date_trunc('month', min(daily_reviews.day))::date as month_start
    from daily_reviews
    where daily_reviews.review_count > 0

),

banded as (

    select
        rating_returns.month_start,
        rating_returns.category,
        sum(rating_returns.units) as units,
        sum(rating_returns.returned_units) as returned_units,
        sum(rating_returns.exchanged_units) as exchanged_units
    from rating_returns
    group by rating_returns.month_start, rating_returns.category

),

by_category as (

    select
        performance.month_start,
        performance.category,
        sum(performance.units) as units,
        sum(performance.returned_units) as returned_units,
        sum(performance.exchanged_units) as exchanged_units
    from performance
    inner join first_month
        on performance.month_start >= first_month.month_start
    group by performance.month_start, performance.category

),

final as (

    select
        coalesce(banded.month_start, by_category.month_start) as month_start,
        coalesce(banded.category, by_category.category) as category,
        banded.units as units_in_bands,
        by_category.units as units_in_performance,
        banded.returned_units as returned_in_bands,
        by_category.returned_units as returned_in_performance
    from banded
    full outer join by_category
        on
            banded.month_start = by_category.month_start
            and banded.category = by_category.category
    where
        coalesce(banded.units, 0) <> coalesce(by_category.units, 0)
        or coalesce(banded.returned_units, 0) <> coalesce(by_category.returned_units, 0)
        or coalesce(banded.exchanged_units, 0) <> coalesce(by_category.exchanged_units, 0)

)

select * from final
