with

responses as (

    {{
        accepted_rows(
            'service', 'srv_responses', {'survey_id': 'text', 'respondent_id': 'text', 'question_code': 'text'}
        )
    }}

),

source_systems as (

    select * from {{ source('ops', 'source_system') }}

),

final as (

    select
        {{ surrogate_key(['responses.survey_id', 'responses.respondent_id', 'responses.question_code']) }}
            as response_key,
        responses.survey_id,
        responses.respondent_id,
        responses.question_code,
        nullif(responses.customer_id, '') as customer_id,
        nullif(responses.region_code, '') as region_code,

        {{ clean_text('responses.segment') }} as segment,
        {{ clean_text('responses.age_band') }} as age_band,
        {{ clean_text('responses.answer_code') }} as answer_code,
        coalesce(responses.needs_followup, false) as needs_followup,

        responses.score,

        (responses.responded_at at time zone source_systems.time_zone)::date as opened_on,
        responses.responded_at as opened_at,
        responses.followup_at as first_response_at,
        responses.fixed_at as closed_at
    from responses
    inner join source_systems
        on source_systems.system = 'service'

)

select * from final
