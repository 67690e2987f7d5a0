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

    select * from {{ ref('stg_service__chats__changes') }}

),

{{ changed_cases('fct_chat', 'chat_id') }}
