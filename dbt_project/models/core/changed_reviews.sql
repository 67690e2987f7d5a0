{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        full_refresh=false,
        post_hook=['{{ prune_built() }}', '{{ analyze() }}'],
    )
}}

with

build_window as (

    select * from {{ ref('build_window') }}

),

review_changes as (

    select * from {{ ref('stg_ecommerce__reviews__changes') }}

),

product_changes as (

    select * from {{ ref('stg_erp__products__changes') }}

),

products as (

    select * from {{ ref('dim_product') }}

),

reviews_as_last_built as (

    {{
        as_last_built('fct_review', {
            'review_id': 'text',
            'posted_on': 'date',
            'sku': 'text',
            'product_key': 'text',
        })
    }}

),

-- Reviews whose product may be another than when they were built.
suspects as (

    select reviews_as_last_built.*
    from reviews_as_last_built
    inner join product_changes
        on reviews_as_last_built.sku = product_changes.sku

),

reattributed_reviews as (

    select suspects.review_id
    from suspects
    left join products
        on
            suspects.sku = products.sku
            and suspects.posted_on between products.first_day and products.last_day
    where suspects.product_key is distinct from products.product_key

),

changed_reviews as (

    select review_changes.review_id from review_changes
    union
    select reattributed_reviews.review_id from reattributed_reviews

),

final as (

    select
        build_window.build_id,
        changed_reviews.review_id,
        reviews_as_last_built.posted_on as posted_on_before
    from changed_reviews
    cross join build_window
    left join reviews_as_last_built
        on changed_reviews.review_id = reviews_as_last_built.review_id
    -- A fact that is not there yet is about to be built whole.
    where {{ has_been_built('fct_review') }}

    {%- if is_incremental() %}

    except

    select
        build_id,
        review_id,
        posted_on_before
    from {{ this }}

    {%- endif %}

)

select * from final
