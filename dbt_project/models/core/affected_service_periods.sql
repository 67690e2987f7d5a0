with

affected_service_days as (

    select * from {{ ref('affected_service_days') }}

),

final as (

    {%- for period_type in ['day', 'week', 'month', 'quarter', 'year', 'all'] %}

    select distinct {{ period_key(period_type, 'affected_service_days.day') }} as period_key
    from affected_service_days

    {%- if not loop.last %}

    union all

    {%- endif %}

    {%- endfor %}

)

select * from final
