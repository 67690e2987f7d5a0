-- Without one, a system's time stamps have no day and its versions no beginning.
with

source_systems as (

    select * from {{ ref('stg_ops__source_systems') }}

),

final as (

    select 'erp' as system
    where
        not exists (
            select 1
            from source_systems
            where source_systems.system = 'erp' and source_systems.time_zone is not null
        )

)

select * from final
