with

hr_sku_reviews as (

    {{ accepted_rows('erp', 'hr_sku_reviews', {'sku': 'text', 'triggered_on': 'date'}) }}

),

final as (

    select
        hr_sku_reviews.sku,
        hr_sku_reviews.triggered_on,

        {{ clean_text('hr_sku_reviews.decision') }} as decision,

        hr_sku_reviews.tech_vote,
        hr_sku_reviews.production_vote,
        hr_sku_reviews.sales_vote,

        hr_sku_reviews.decided_on
    from hr_sku_reviews

)

select * from final
