{#-
    Two strategies with one body: rows whose key stands in another relation are replaced, and those keys are emptied even where
    nothing remains of them, which dbt's own delete+insert can't do. The relation is a table built before (config
    `meta.changes`), so that the delete and the model's own filter see the same keys.

    changed_keys    facts: the keys of tonight's changes, deleted ones included
    affected_days   aggregates: the days of those keys before and after the change
-#}
{% macro get_incremental_changed_keys_sql(arg_dict) %}
    {{ return(replace_rows(arg_dict)) }}
{% endmacro %}


{% macro get_incremental_affected_days_sql(arg_dict) %}
    {{ return(replace_rows(arg_dict)) }}
{% endmacro %}


{% macro replace_rows(arg_dict) %}
    {%- set key = arg_dict['unique_key'] -%}
    {%- set columns = get_quoted_csv(arg_dict['dest_columns'] | map(attribute='name')) -%}

    delete from {{ arg_dict['target_relation'] }}
    where {{ key }} in (select {{ key }} from {{ ref(config.meta_require('changes')) }});

    insert into {{ arg_dict['target_relation'] }} ({{ columns }})
    select {{ columns }} from {{ arg_dict['temp_relation'] }}
{% endmacro %}
