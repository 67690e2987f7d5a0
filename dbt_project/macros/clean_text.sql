{#- A descriptive text without outer blanks; empty means missing. Keys are never trimmed: two of them might become one. -#}
{% macro clean_text(column) -%}
    nullif(trim({{ column }}), '')
{%- endmacro %}
