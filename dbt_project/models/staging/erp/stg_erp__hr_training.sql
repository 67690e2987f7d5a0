with

hr_training as (

    {{ accepted_rows('erp', 'hr_training', {'course_id': 'text', 'learner_id': 'text'}) }}

),

final as (

    select
        hr_training.course_id,
        hr_training.learner_id,
        nullif(hr_training.dealer_id, '') as dealer_id,

        {{ clean_text('hr_training.course_type') }} as course_type,
        {{ clean_text('hr_training.learner_type') }} as learner_type,
        hr_training.attended,
        hr_training.certified,

        hr_training.pre_score,
        hr_training.post_score,

        hr_training.planned_on
    from hr_training

)

select * from final
