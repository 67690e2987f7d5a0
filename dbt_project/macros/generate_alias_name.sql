{#- A mart's file says <dimension>__<topic>; its schema already says the dimension, so the table is called <topic>. -#}
{% macro generate_alias_name(custom_alias_name=none, node=none) -%}
    {%- if custom_alias_name -%}
        {{ custom_alias_name | trim }}
    {%- elif node.fqn[1] == 'marts' and node.name.startswith(node.fqn[2] ~ '__') -%}
        {{ node.name[(node.fqn[2] ~ '__') | length:] }}
    {%- else -%}
        {{ node.name }}
    {%- endif -%}
{%- endmacro %}
