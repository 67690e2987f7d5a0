{{ config(post_hook='{{ analyze() }}') }}

with

performance as (

    select * from {{ ref('product_structure__sku_performance') }}

),

daily_reviews as (

    select * from {{ ref('agg_review_daily') }}
    where review_count > 0

),

products as (

    select * from {{ ref('dim_product') }}
    where is_current

),

rating_bands as (

    select * from {{ ref('rating_bands') }}

),

business_day as (

    select * from {{ ref('business_day') }}

),

rules as (

    select max(value) filter (where rule_id = 'rank_correlation_items') as rank_correlation_items
    from {{ ref('product_rules') }}

),

sold as (

    select
        month_start,
        sku,
        category,
        sum(units) as units,
        sum(returned_units) as returned_units,
        sum(exchanged_units) as exchanged_units
    from performance
    group by 1, 2, 3

),

-- Reviews that name no SKU rate no item.
reviewed as (

    select
        date_trunc('month', day)::date as month_start,
        sku,
        sum(review_count) as review_count,
        sum(rating_sum) as rating_sum
    from daily_reviews
    where sku <> 'unknown'
    group by 1, 2

),

-- Before anybody reviewed anything there is no data, rather than a month of unrated items.
first_month as (

    select date_trunc('month', min(day))::date as month_start
    from daily_reviews

),

-- Items that sold, came back or were reviewed in the month; of what was not sold, units are not known.
item_months as (

    select
        coalesce(sold.month_start, reviewed.month_start) as month_start,
        coalesce(sold.sku, reviewed.sku) as sku,
        sold.category,
        sold.units,
        sold.returned_units,
        sold.exchanged_units,
        reviewed.review_count,
        reviewed.rating_sum
    from sold
    full outer join reviewed
        on
            sold.month_start = reviewed.month_start
            and sold.sku = reviewed.sku

),

rated_so_far as (

    select
        month_start,
        sku,
        category,
        units,
        returned_units,
        exchanged_units,
        sum(review_count) over up_to_month as review_count,
        sum(rating_sum) over up_to_month as rating_sum
    from item_months
    window up_to_month as (partition by sku order by month_start)

),

rated as (

    select
        rated_so_far.*,
        (rated_so_far.rating_sum / rated_so_far.review_count)::numeric(28, 8) as mean_rating,
        (rated_so_far.returned_units / nullif(rated_so_far.units, 0))::numeric(28, 8) as return_rate
    from rated_so_far
    inner join first_month
        on rated_so_far.month_start >= first_month.month_start

),

banded as (

    select
        rated.month_start,
        rated.sku,
        coalesce(rated.category, products.category, 'unknown') as category,
        rating_bands.rating_band,
        rated.units,
        rated.returned_units,
        rated.exchanged_units,
        rated.review_count,
        rated.rating_sum,
        rated.mean_rating,
        rated.return_rate
    from rated
    left join products on rated.sku = products.sku
    inner join rating_bands
        on
            rated.mean_rating >= rating_bands.lower_bound
            and (rated.mean_rating < rating_bands.upper_bound or rating_bands.upper_bound is null)
            or rated.mean_rating is null and coalesce(rating_bands.lower_bound, rating_bands.upper_bound) is null

),

-- Spearman's rank correlation: that of the ranks, where tied items share the mean of the ranks that they take.
ranked as (

    select
        month_start,
        category,
        rank() over (partition by month_start order by mean_rating)
        + (count(*) over (partition by month_start, mean_rating) - 1) / 2.0 as rating_rank_in_month,
        rank() over (partition by month_start order by return_rate)
        + (count(*) over (partition by month_start, return_rate) - 1) / 2.0 as return_rank_in_month,
        rank() over (partition by month_start, category order by mean_rating)
        + (count(*) over (partition by month_start, category, mean_rating) - 1) / 2.0 as rating_rank_in_category,
        rank() over (partition by month_start, category order by return_rate)
        + (count(*) over (partition by month_start, category, return_rate) - 1) / 2.0 as return_rank_in_category
    from banded
    where mean_rating is not null and return_rate is not null

),

month_correlation as (

    select
        month_start,
        count(*) as correlated_item_count,
        corr(rating_rank_in_month, return_rank_in_month) as rank_correlation
    from ranked
    group by 1

),

category_correlation as (

    select
        month_start,
        category,
        count(*) as correlated_item_count,
        corr(rating_rank_in_category, return_rank_in_category) as rank_correlation
    from ranked
    group by 1, 2

),

cells as (

    select
        month_start,
        rating_band,
        category,
        count(*) as item_count,
        count(*) filter (where units > 0) as sold_item_count,
        sum(review_count) as review_count,
        sum(rating_sum) as rating_sum,
        sum(units) as units,
        sum(returned_units) as returned_units,
        sum(exchanged_units) as exchanged_units
    from banded
    group by 1, 2, 3

),

final as (

    select
        cells.month_start,
        cells.rating_band,
        cells.category,
        rating_bands.label_en as rating_band_label_en,
        rating_bands.label_zh as rating_band_label_zh,
        rating_bands.sort_order as rating_band_sort_order,
        (cells.month_start + interval '1 month - 1 day')::date <= business_day.business_day as is_complete_period,
        cells.item_count,
        cells.sold_item_count,
        cells.review_count::bigint as review_count,
        cells.rating_sum::numeric(14, 2) as rating_sum,
        (cells.rating_sum / cells.review_count)::numeric(28, 8) as average_rating,
        cells.units::bigint as units,
        cells.returned_units::bigint as returned_units,
        cells.exchanged_units::bigint as exchanged_units,
        (cells.returned_units / nullif(cells.units, 0))::numeric(28, 8) as return_rate,
        ((cells.returned_units + cells.exchanged_units) / nullif(cells.units, 0))::numeric(28, 8)
            as return_and_exchange_rate,
        coalesce(category_correlation.correlated_item_count, 0) as correlated_item_count,
        case
            when category_correlation.correlated_item_count >= rules.rank_correlation_items
                then category_correlation.rank_correlation
        end::numeric(28, 8) as rank_correlation,
        coalesce(month_correlation.correlated_item_count, 0) as month_correlated_item_count,
        case
            when month_correlation.correlated_item_count >= rules.rank_correlation_items
                then month_correlation.rank_correlation
        end::numeric(28, 8) as month_rank_correlation
    from cells
    inner join rating_bands on cells.rating_band = rating_bands.rating_band
    left join month_correlation on cells.month_start = month_correlation.month_start
    left join category_correlation
        on
            cells.month_start = category_correlation.month_start
            and cells.category = category_correlation.category
    cross join rules
    cross join business_day

)

select * from final
