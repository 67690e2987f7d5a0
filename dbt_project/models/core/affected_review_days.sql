with

build_window as (

    select * from {{ ref('build_window') }}

),

changed_reviews as (

    select * from {{ ref('changed_reviews') }}

),

reviews as (

    select * from {{ ref('fct_review') }}

),

days_after as (

    select reviews.posted_on as day
    from reviews
    inner join changed_reviews
        on reviews.review_id = changed_reviews.review_id

),

-- Rows dated after the business day wait in the fact, and enter the aggregate when their day is reached.
days_reached as (

    select build_window.first_business_day + later.days as day
    from build_window
    cross join lateral generate_series(
        1, build_window.last_business_day - build_window.first_business_day
    ) as later (days)

),

-- An aggregate that no finished build vouches for is taken up whole.
days_unproven as (

    select reviews.posted_on as day
    from reviews
    cross join build_window
    where build_window.last_built_id is null

),

all_days as (

    select changed_reviews.posted_on_before as day from changed_reviews
    union
    select days_after.day from days_after
    union
    select days_reached.day from days_reached
    union
    select days_unproven.day from days_unproven

),

final as (

    select all_days.day
    from all_days
    where all_days.day is not null

)

select * from final
