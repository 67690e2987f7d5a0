with

source_systems as (

    select * from {{ source('ops', 'source_system') }}

),

final as (

    select
        source_systems.system,
        source_systems.time_zone
    from source_systems

)

select * from final
