with

builds as (

    select * from {{ source('ops', 'build') }}

),

final as (

    select
        builds.build_id,
        builds.business_day,
        builds.core_built_at is not null as is_core_built
    from builds

)

select * from final
