{#- The schema is the layer, never prefixed by the target's: staging, core, and build_<dimension> for models/marts/<dimension>. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {%- if node.fqn[1] == 'marts' -%}
        build_{{ node.fqn[2] }}
    {%- else -%}
        {{ custom_schema_name or target.schema }}
    {%- endif -%}
{%- endmacro %}
