{#- Fresh statistics for the models built next: a new or much-changed table has none until autovacuum comes by. -#}
{% macro analyze() -%}
    analyze {{ this }}
{%- endmacro %}
