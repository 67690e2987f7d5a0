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

    select {{ surrogate_key(['changes.survey_id', 'changes.respondent_id', 'changes.question_code']) }} as response_key
    from {{ ref('stg_service__survey_responses__changes') }} as changes

),

{{ changed_cases('fct_survey_response', 'response_key') }}
