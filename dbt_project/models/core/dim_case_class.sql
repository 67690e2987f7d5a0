{%- set stages = ['response', 'verification', 'liability', 'solution', 'closing', 'follow_up'] %}

with

case_classes as (

    select * from {{ ref('case_classes') }}

),

sla_limits as (

    select * from {{ ref('sla_limits') }}

),

final as (

    select
        case_classes.case_class,

        case_classes.case_type,

        {%- for stage in stages %}
        max(sla_limits.limit_hours) filter (
            where sla_limits.stage = '{{ stage }}'
        )::numeric(8, 2) as {{ stage }}_limit_hours,
        {%- endfor %}

        case_classes.label_en,
        case_classes.label_zh,
        case_classes.sort_order
    from case_classes
    left join sla_limits
        on case_classes.case_class = sla_limits.case_class
    group by
        case_classes.case_class,
        case_classes.case_type,
        case_classes.label_en,
        case_classes.label_zh,
        case_classes.sort_order

)

select * from final
