{#-
    Rows of a raw table that are neither deleted at the source nor in open quarantine. `primary_key` is a mapping of column to
    type, in the contract's order, which is the order of ops.quarantine.row_key.
-#}
{% macro accepted_rows(system, table, primary_key) -%}
    select landed.*
    from {{ source(system, table) }} as landed
    where
        landed._deleted_at is null
        and not exists (
            select 1
            from {{ source('ops', 'quarantine') }} as quarantine
            where
                quarantine.table_name = '{{ table }}'
                and quarantine.released_at is null
                and quarantine.row_key = array[
                    {%- for column in primary_key %}landed.{{ column }}::text{{ ', ' if not loop.last }}{% endfor -%}
                ]
        )
{%- endmacro %}
