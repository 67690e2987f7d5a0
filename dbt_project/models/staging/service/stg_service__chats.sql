with

chats as (

    {{ accepted_rows('service', 'cs_chats', {'chat_id': 'text'}) }}

),

source_systems as (

    select * from {{ source('ops', 'source_system') }}

),

final as (

    select
        chats.chat_id,
        nullif(chats.user_id, '') as user_id,
        nullif(chats.customer_id, '') as customer_id,
        nullif(chats.agent_id, '') as agent_id,

        {{ clean_text('chats.topic') }} as topic,
        coalesce(chats.handled_by_bot, false) as is_bot_only,
        coalesce(chats.is_vip_queue, false) as is_vip_queue,
        chats.resolved_flag as is_resolved,

        chats.rating,

        (chats.queue_entered_at at time zone source_systems.time_zone)::date as opened_on,
        chats.queue_entered_at as opened_at,
        chats.first_reply_at as first_response_at,
        chats.ended_at as closed_at
    from chats
    inner join source_systems
        on source_systems.system = 'service'

)

select * from final
