with

channels as (

    select * from {{ ref('stg_erp__channels') }}

),

final as (

    select
        channels.channel_id,
        channels.channel_name,
        channels.channel_group,
        channels.online_flag,
        channels.is_emerging,
        channels.opened_on
    from channels

)

select * from final
