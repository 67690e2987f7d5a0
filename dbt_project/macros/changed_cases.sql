{#-
    The rest of a log of changed service cases, after a CTE `landed` of the keys that landed: one row a build, changed case and
    day on which the case had been opened before. Beside what landed, a case changes where its customer or product is another
    version than when it was built.
-#}
{% macro changed_cases(fact, key, has_product=false) -%}
    build_window as (

        select * from {{ ref('build_window') }}

    ),

    customer_changes as (

        select * from {{ ref('stg_erp__customers__changes') }}

    ),

    customers as (

        select * from {{ ref('dim_customer') }}

    ),

    {%- if has_product %}

    product_changes as (

        select * from {{ ref('stg_erp__products__changes') }}

    ),

    products as (

        select * from {{ ref('dim_product') }}

    ),

    {%- endif %}

    as_last_built as (

        {{
            as_last_built(fact, dict(
                {key: 'text', 'opened_on': 'date', 'customer_id': 'text', 'customer_key': 'text'},
                **({'sku': 'text', 'product_key': 'text'} if has_product else {})
            ))
        }}

    ),

    reattributed as (

        select as_last_built.{{ key }}
        from as_last_built
        inner join customer_changes
            on as_last_built.customer_id = customer_changes.customer_id
        left join customers
            on
                as_last_built.customer_id = customers.customer_id
                and as_last_built.opened_on between customers.first_day and customers.last_day
        where as_last_built.customer_key is distinct from customers.customer_key

        {%- if has_product %}

        union

        select as_last_built.{{ key }}
        from as_last_built
        inner join product_changes
            on as_last_built.sku = product_changes.sku
        left join products
            on
                as_last_built.sku = products.sku
                and as_last_built.opened_on between products.first_day and products.last_day
        where as_last_built.product_key is distinct from products.product_key

        {%- endif %}

    ),

    changed as (

        select landed.{{ key }} from landed
        union
        select reattributed.{{ key }} from reattributed

    ),

    final as (

        select
            build_window.build_id,
            changed.{{ key }},
            as_last_built.opened_on as opened_on_before
        from changed
        cross join build_window
        left join as_last_built
            on changed.{{ key }} = as_last_built.{{ key }}
        -- A fact that is not there yet is about to be built whole.
        where {{ has_been_built(fact) }}

        {%- if is_incremental() %}

        except

        select
            build_id,
            {{ key }},
            opened_on_before
        from {{ this }}

        {%- endif %}

    )

    select * from final
{%- endmacro %}
