with

cmp_market_outlook as (

    {{
        accepted_rows('erp', 'cmp_market_outlook', {
            'period': 'text', 'indicator': 'text', 'market': 'text', 'segment': 'text'
        })
    }}

),

final as (

    select
        cmp_market_outlook.period,
        cmp_market_outlook.indicator,
        cmp_market_outlook.market,
        cmp_market_outlook.segment,

        {{ clean_text('cmp_market_outlook.unit') }} as unit,
        {{ clean_text('cmp_market_outlook.source_name') }} as source_name,

        cmp_market_outlook.value
    from cmp_market_outlook

)

select * from final
