{#-
    Rows of a fact as an earlier build left them; none where there is no such fact yet. For the models that say what changes in
    that fact: they are built before it, and so can't ref() it. `columns` is a mapping of name to type.
-#}
{% macro as_last_built(fact, columns) -%}
    {%- if has_been_built(fact) == 'true' %}
    select
        {%- for column in columns %}
        {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ this.incorporate(path={'identifier': fact}) }}
    {%- else %}
    select
        {%- for column, type in columns.items() %}
        null::{{ type }} as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
    where false
    {%- endif %}
{%- endmacro %}


{#- SQL's true or false: whether a build before this one made that fact. -#}
{% macro has_been_built(fact) -%}
    {{- 'true' if execute and adapter.get_relation(this.database, this.schema, fact) else 'false' -}}
{%- endmacro %}
