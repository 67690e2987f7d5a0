with

cmp_capabilities as (

    {{ accepted_rows('erp', 'cmp_capabilities', {'brand': 'text', 'period': 'text', 'capability': 'text'}) }}

),

final as (

    select
        cmp_capabilities.brand,
        nullif(cmp_capabilities.competitor_id, '') as competitor_id,
        cmp_capabilities.period,
        cmp_capabilities.capability,

        cmp_capabilities.is_own,

        cmp_capabilities.maturity_score,

        cmp_capabilities.launched_on
    from cmp_capabilities

)

select * from final
