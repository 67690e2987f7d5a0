{{
    config(
        materialized='incremental',
        incremental_strategy='changed_keys',
        unique_key='response_key',
        meta={'changes': 'changed_survey_responses'},
        indexes=[{'columns': ['opened_on']}, {'columns': ['settled_at']}, {'columns': ['customer_id']}],
        post_hook='{{ analyze() }}',
    )
}}

with

changed_survey_responses as (

    select * from {{ ref('changed_survey_responses') }}

),

responses as (

    select * from {{ ref('stg_service__survey_responses') }}

),

customers as (

    select * from {{ ref('dim_customer') }}

),

case_classes as (

    select * from {{ ref('dim_case_class') }}
    where case_type = 'survey'

),

responses_to_build as (

    select
        responses.*,
        case when responses.needs_followup then 'survey_followup' end as case_class
    from responses

    {%- if is_incremental() %}

    where
        responses.response_key in (select changed_survey_responses.response_key from changed_survey_responses)

    {%- endif %}

),

attributed as (

    select
        responses_to_build.*,
        customers.customer_key,
        coalesce(responses_to_build.region_code, customers.region_code) as region_of_answer,
        responses_to_build.opened_at + case_classes.response_limit_hours * interval '1 hour' as response_due_at,
        responses_to_build.opened_at + case_classes.closing_limit_hours * interval '1 hour' as closing_due_at
    from responses_to_build
    left join customers
        on
            responses_to_build.customer_id = customers.customer_id
            and responses_to_build.opened_on between customers.first_day and customers.last_day
    left join case_classes
        on responses_to_build.case_class = case_classes.case_class

),

final as (

    select
        attributed.response_key,
        attributed.survey_id,
        attributed.respondent_id,
        attributed.question_code,
        attributed.opened_on,
        attributed.customer_id,
        attributed.customer_key,
        attributed.region_of_answer as region_code,

        attributed.case_class,
        attributed.segment,
        attributed.age_band,
        attributed.answer_code,
        attributed.needs_followup,

        attributed.score,
        {{ hours_between('attributed.opened_at', 'attributed.first_response_at') }} as response_hours,
        {{ hours_between('attributed.opened_at', 'attributed.closed_at') }} as resolution_hours,

        attributed.opened_at,
        attributed.first_response_at,
        attributed.closed_at,
        attributed.response_due_at,
        attributed.closing_due_at,
        greatest(
            attributed.opened_at,
            attributed.first_response_at,
            attributed.closed_at,
            attributed.response_due_at,
            attributed.closing_due_at
        ) as settled_at
    from attributed

)

select * from final
