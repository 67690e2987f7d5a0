{#- Hours from one instant to a later one; empty where one of them is. -#}
{% macro hours_between(start, stop) -%}
    (extract(epoch from {{ stop }} - {{ start }}) / 3600)::numeric(18, 6)
{%- endmacro %}
