{#-
    When the present form of a slowly changing row becomes valid. A key never seen before is valid from the beginning of time, so
    that facts older than our first sight of it find it. Later forms are valid from the change stamp; where the source did not
    move that stamp, from the business day that brought them; a second form of the same day takes the place of the first.
-#}
{% macro version_start(row, open_version) -%}
    case
        when {{ open_version }}.dbt_valid_from is null then '-infinity'::timestamptz
        when {{ row }}.changed_at > {{ open_version }}.dbt_valid_from then {{ row }}.changed_at
        when {{ row }}.landed_day_start > {{ open_version }}.dbt_valid_from then {{ row }}.landed_day_start
        else {{ open_version }}.dbt_valid_from
    end
{%- endmacro %}


{#- Versions of a snapshot that are open, as the last build left them; none on the first run. -#}
{% macro open_versions(key) -%}
    {%- set versions = load_relation(this) if execute else none -%}
    {%- if versions %}
    select
        {{ key }},
        dbt_valid_from
    from {{ versions }}
    where dbt_valid_to is null
    {%- else %}
    select
        null::text as {{ key }},
        null::timestamptz as dbt_valid_from
    where false
    {%- endif %}
{%- endmacro %}


{#- A version replaced within the moment it began was never valid; runs in the transaction that replaced it. -#}
{% macro drop_replaced_versions() -%}
    delete from {{ this }} where dbt_valid_to <= dbt_valid_from
{%- endmacro %}
