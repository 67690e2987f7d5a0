with

cmp_offers as (

    {{ accepted_rows('erp', 'cmp_offers', {'competitor_id': 'text', 'period': 'text', 'offer_type': 'text'}) }}

),

final as (

    select
        cmp_offers.competitor_id,
        cmp_offers.period,
        cmp_offers.offer_type,

        {{ clean_text('cmp_offers.unit') }} as unit,

        cmp_offers.offer_value
    from cmp_offers

)

select * from final
