{#-
    A fact as an earlier build left it, or nothing where there is none yet. For the models that say what changes in that fact,
    which are built before it and so can't ref() it.
-#}
{% macro as_last_built(model_name) %}
    {% if execute %}
        {{ return(adapter.get_relation(this.database, this.schema, model_name)) }}
    {% endif %}
{% endmacro %}
