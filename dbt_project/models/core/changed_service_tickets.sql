{{
    config(
        materialized='incremental',
        incremental_strategy='append',
        full_refresh=false,
        post_hook=['{{ prune_built() }}', '{{ analyze() }}'],
    )
}}

with

landed as (

    select * from {{ ref('stg_service__repairs__changes') }}

),

{{ changed_cases('fct_service_ticket', 'ticket_id', has_product=true) }}
