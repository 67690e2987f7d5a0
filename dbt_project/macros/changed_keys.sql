{#-
    Keys of a raw table that may differ from what core has absorbed: rows written by the loads of every build since the last one
    that built core, and rows quarantined or released since that one began. Wider than need be, never narrower: taking a
    key up again changes nothing.
-#}
{% macro changed_keys(system, table, primary_key) -%}
    with

    clock as (

        select * from {{ source('ops', 'clock') }}

    ),

    builds as (

        select * from {{ source('ops', 'build') }}

    ),

    build_loads as (

        select * from {{ source('ops', 'build_load') }}

    ),

    quarantine as (

        select * from {{ source('ops', 'quarantine') }}

    ),

    landed as (

        select * from {{ source(system, table) }}

    ),

    last_built as (

        select
            coalesce(max(builds.build_id), 0) as build_id,
            coalesce(max(builds.started_at), '-infinity') as started_at
        from builds
        inner join clock
            on builds.build_id < clock.build_id
        where builds.core_built_at is not null

    ),

    open_loads as (

        select build_loads.load_id
        from build_loads
        inner join last_built
            on build_loads.build_id > last_built.build_id

    ),

    landed_keys as (

        select
            {%- for column in primary_key %}
            landed.{{ column }}{{ ',' if not loop.last }}
            {%- endfor %}
        from landed
        where landed._batch_id in (select open_loads.load_id from open_loads)

    ),

    judged_keys as (

        select
            {%- for column, type in primary_key.items() %}
            quarantine.row_key[{{ loop.index }}]::{{ type }} as {{ column }}{{ ',' if not loop.last }}
            {%- endfor %}
        from quarantine
        cross join last_built
        where
            quarantine.table_name = '{{ table }}'
            and greatest(quarantine.quarantined_at, quarantine.released_at) >= last_built.started_at

    ),

    final as (

        select * from landed_keys
        union
        select * from judged_keys

    )

    select * from final
{%- endmacro %}
