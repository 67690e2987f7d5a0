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

    select * from {{ ref('stg_service__complaints__changes') }}

),

{{ changed_cases('fct_complaint', 'complaint_id', has_product=true) }}
