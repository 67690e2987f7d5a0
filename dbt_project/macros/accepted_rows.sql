{#-
    Rows of a raw table that are neither deleted at the source nor in open quarantine. `primary_key` is a mapping of column to
    type, in the contract's order, which is the order of ops.quarantine.row_key.

    `not in`, so that the quarantine is hashed whatever the planner knows of its size: `not exists` turned into a nested loop
    over half a million lines while the tables had no statistics yet.
-#}
{% macro accepted_rows(system, table, primary_key) -%}
    select landed.*
    from {{ source(system, table) }} as landed
    where
        landed._deleted_at is null
        and array[
            {%- for column in primary_key %}landed.{{ column }}::text{{ ', ' if not loop.last }}{% endfor -%}
        ] not in (
            select quarantine.row_key
            from {{ source('ops', 'quarantine') }} as quarantine
            where
                quarantine.table_name = '{{ table }}'
                and quarantine.released_at is null
        )
{%- endmacro %}
