{#- First day of the period of a day; of all history, which has no first day of its own, -infinity. -#}
{% macro period_start(period_type, day) -%}
    {%- if period_type == 'all' -%}
        '-infinity'::date
    {%- else -%}
        date_trunc('{{ period_type }}', {{ day }})::date
    {%- endif -%}
{%- endmacro %}


{#- Name of that period, such as 'month 2026-01-01'. -#}
{% macro period_key(period_type, day) -%}
    '{{ period_type }} ' || {{ period_start(period_type, day) }}
{%- endmacro %}
