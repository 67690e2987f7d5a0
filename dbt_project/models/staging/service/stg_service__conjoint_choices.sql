with

conjoint_choices as (

    {{
        accepted_rows(
            'service',
            'srv_conjoint_choices',
            {'survey_id': 'text', 'respondent_id': 'text', 'task_no': 'integer', 'profile_no': 'integer'},
        )
    }}

),

final as (

    select
        conjoint_choices.survey_id,
        conjoint_choices.respondent_id,
        conjoint_choices.task_no,
        conjoint_choices.profile_no,

        {{ clean_text('conjoint_choices.segment') }} as segment,
        conjoint_choices.chosen,

        conjoint_choices.power_level,
        conjoint_choices.cct_level,
        conjoint_choices.price_level
    from conjoint_choices

)

select * from final
