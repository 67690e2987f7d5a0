{#- Within each group of `by`, the shares add up to 1, but for rounding; a group whose shares are all empty passes. -#}
{% test shares_sum_to_one(model, column_name, by) %}
select
    {{ by | join(', ') }},
    sum({{ column_name }}) as total
from {{ model }}
group by {{ by | join(', ') }}
having abs(sum({{ column_name }}) - 1) > 0.000001
{% endtest %}
