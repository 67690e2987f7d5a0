{#- The instant at which a business day starts in a source's time zone. -#}
{% macro business_day_start(business_day, time_zone) -%}
    ({{ business_day }}::timestamp at time zone {{ time_zone }})
{%- endmacro %}
