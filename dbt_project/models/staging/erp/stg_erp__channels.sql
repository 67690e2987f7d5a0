with

channels as (

    {{ accepted_rows('erp', 'erp_channels', {'channel_id': 'text'}) }}

),

final as (

    select
        channels.channel_id,

        {{ clean_text('channels.channel_name') }} as channel_name,
        {{ clean_text('channels.channel_group') }} as channel_group,
        channels.online_flag,
        channels.is_emerging,
        channels.opened_on
    from channels

)

select * from final
