{{ config(post_hook='{{ analyze() }}') }}

{%- set stages = ['verification', 'liability', 'solution'] -%}
{%- set delay_causes = ['staffing', 'approval', 'parts', 'other'] %}

with

cases as (

    select * from {{ ref('agg_service_case_daily') }}

),

case_classes as (

    select * from {{ ref('dim_case_class') }}

),

regions as (

    select * from {{ ref('dim_region') }}

),

final as (

    select
        cases.day,
        cases.case_type,
        cases.case_class,
        cases.complaint_type,
        cases.urgency,
        cases.region_code,
        case_classes.label_en as case_class_label_en,
        case_classes.label_zh as case_class_label_zh,
        regions.province,
        coalesce(regions.macro_region, 'unknown') as macro_region,
        cases.case_count,
        cases.answered_count,
        cases.response_due_count,
        cases.answered_in_time_count,
        cases.response_due_count - cases.answered_in_time_count as late_count,
        cases.closed_count,
        cases.closing_due_count,
        cases.closed_in_time_count,
        cases.closed_loop_due_count,
        cases.closed_loop_count,
        cases.case_count - cases.closed_count as open_count,
        cases.overdue_count,
        cases.reopened_count,
        cases.escalated_count,
        cases.needs_escalation_count,
        cases.unescalated_count,
        {%- for stage in stages %}
        cases.{{ stage }}_count,
        cases.{{ stage }}_in_time_count,
        {%- endfor %}
        {%- for cause in delay_causes %}
        cases.late_by_{{ cause }}_count,
        {%- endfor %}
        cases.response_hours_sum,
        cases.resolution_hours_sum,
        (cases.answered_in_time_count::numeric / nullif(cases.response_due_count, 0))::numeric(28, 8)
            as response_sla_attainment_rate,
        (cases.closed_loop_count::numeric / nullif(cases.closed_loop_due_count, 0))::numeric(28, 8)
            as complaint_closure_rate,
        case
            when cases.case_type = 'complaint' then cases.escalated_count::numeric / cases.case_count
        end::numeric(28, 8) as complaint_escalation_rate,
        {%- for stage in stages %}
        (cases.{{ stage }}_in_time_count::numeric / nullif(cases.{{ stage }}_count, 0))::numeric(28, 8)
            as {{ stage }}_on_time_rate,
        {%- endfor %}
        {%- for cause in delay_causes %}
        case
            when cases.case_type = 'complaint'
                then
                    cases.late_by_{{ cause }}_count::numeric
                    / nullif(cases.response_due_count - cases.answered_in_time_count, 0)
        end::numeric(28, 8) as late_by_{{ cause }}_share,
        {%- endfor %}
        (cases.response_hours_sum / nullif(cases.answered_count, 0))::numeric(20, 6) as mean_response_hours,
        (cases.resolution_hours_sum / nullif(cases.closed_count, 0))::numeric(20, 6) as mean_resolution_hours
    from cases
    left join case_classes on cases.case_class = case_classes.case_class
    left join regions on cases.region_code = regions.region_code

)

select * from final
