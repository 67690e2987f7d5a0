{#- md5 of the given expressions; null and the empty string differ, and no two lists of values share a text. -#}
{% macro surrogate_key(expressions) -%}
    md5(jsonb_build_array({{ expressions | join(', ') }})::text)
{%- endmacro %}
