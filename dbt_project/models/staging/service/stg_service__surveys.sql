with

surveys as (

    {{ accepted_rows('service', 'srv_surveys', {'survey_id': 'text'}) }}

),

final as (

    select
        surveys.survey_id,
        nullif(surveys.campaign_id, '') as campaign_id,

        {{ clean_text('surveys.survey_type') }} as survey_type,
        {{ clean_text('surveys.wave') }} as wave,

        surveys.invited,

        surveys.started_on,
        surveys.closed_on
    from surveys

)

select * from final
