{#- Hours from one instant to a later one, to nine decimals: a median of them is still exact to the sixth of a day. Empty where one of them is. -#}
{% macro hours_between(start, stop) -%}
    (extract(epoch from {{ stop }} - {{ start }}) / 3600)::numeric(18, 9)
{%- endmacro %}
