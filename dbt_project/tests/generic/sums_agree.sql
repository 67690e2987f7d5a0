{#-
    The sums of these columns, by `by`, are those of the columns of the same names in another relation, of which
    `compare_where` is taken. Empty and 0 agree.
-#}
{% test sums_agree(model, compare_to, columns, by=['currency'], compare_where='true') %}
with

here as (

    select {{ by | join(', ') }}{% for column in columns %}, sum({{ column }}) as {{ column }}{% endfor %}
    from {{ model }}
    group by {{ by | join(', ') }}

),

there as (

    select {{ by | join(', ') }}{% for column in columns %}, sum({{ column }}) as {{ column }}{% endfor %}
    from {{ compare_to }}
    where {{ compare_where }}
    group by {{ by | join(', ') }}

)

select *
from here
full join there
    on true {%- for column in by %} and here.{{ column }} = there.{{ column }}{% endfor %}
where false {%- for column in columns %} or coalesce(here.{{ column }}, 0) <> coalesce(there.{{ column }}, 0){% endfor %}
{% endtest %}
