{#- Forget the changes that a build of core has absorbed. -#}
{% macro prune_built() -%}
    delete from {{ this }} where build_id <= (select last_built_id from {{ ref('build_window') }})
{%- endmacro %}
