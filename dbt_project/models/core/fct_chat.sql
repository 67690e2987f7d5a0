{{
    config(
        materialized='incremental',
        incremental_strategy='changed_keys',
        unique_key='chat_id',
        meta={'changes': 'changed_chats'},
        indexes=[{'columns': ['opened_on']}, {'columns': ['settled_at']}, {'columns': ['customer_id']}],
        post_hook='{{ analyze() }}',
    )
}}

with

changed_chats as (

    select * from {{ ref('changed_chats') }}

),

chats as (

    select * from {{ ref('stg_service__chats') }}

),

customers as (

    select * from {{ ref('dim_customer') }}

),

case_classes as (

    select * from {{ ref('dim_case_class') }}
    where case_type = 'chat'

),

chats_to_build as (

    select
        chats.*,
        case when chats.is_vip_queue then 'service_desk_vip' else 'service_desk' end as case_class
    from chats

    {%- if is_incremental() %}

    where chats.chat_id in (select changed_chats.chat_id from changed_chats)

    {%- endif %}

),

attributed as (

    select
        chats_to_build.*,
        customers.customer_key,
        customers.region_code,
        chats_to_build.opened_at + case_classes.response_limit_hours * interval '1 hour' as response_due_at,
        chats_to_build.opened_at + case_classes.closing_limit_hours * interval '1 hour' as closing_due_at
    from chats_to_build
    left join customers
        on
            chats_to_build.customer_id = customers.customer_id
            and chats_to_build.opened_on between customers.first_day and customers.last_day
    left join case_classes
        on chats_to_build.case_class = case_classes.case_class

),

final as (

    select
        attributed.chat_id,
        attributed.opened_on,
        attributed.user_id,
        attributed.customer_id,
        attributed.customer_key,
        attributed.agent_id,
        attributed.region_code,

        attributed.case_class,
        attributed.topic,
        attributed.is_bot_only,
        attributed.is_vip_queue,
        attributed.is_resolved,

        attributed.rating,
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
