with

product_tests as (

    {{ accepted_rows('erp', 'erp_product_tests', {'test_id': 'text'}) }}

),

final as (

    select
        product_tests.test_id,
        nullif(product_tests.sku, '') as sku,

        {{ clean_text('product_tests.parameter') }} as parameter,
        {{ clean_text('product_tests.result') }} as result,

        product_tests.test_round,
        product_tests.nominal_value,
        product_tests.measured_value,
        product_tests.standard_limit,

        product_tests.planned_date,
        product_tests.tested_at
    from product_tests

)

select * from final
