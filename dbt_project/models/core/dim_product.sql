{{ config(indexes=[{'columns': ['sku']}], post_hook='{{ analyze() }}') }}

with

versions as (

    select * from {{ ref('snap_erp__products') }}

),

source_systems as (

    select * from {{ ref('stg_ops__source_systems') }}

),

final as (

    select
        -- The attributes are part of the key: a version corrected in its place gets a new one, so its facts follow.
        {{
            surrogate_key([
                'versions.sku',
                "versions.dbt_valid_from at time zone 'UTC'",
                'versions.product_name',
                'versions.product_line',
                'versions.category',
                'versions.series',
                'versions.item_role',
                'versions.is_smart',
                'versions.list_price',
                'versions.standard_cost',
                'versions.launch_date',
                'versions.discontinue_date',
            ])
        }} as product_key,
        versions.sku,

        versions.product_name,
        versions.product_line,
        versions.category,
        versions.series,
        versions.item_role,
        versions.is_smart,
        versions.list_price,
        versions.standard_cost,
        versions.launch_date,
        versions.discontinue_date,

        -- A fact of day d belongs to the version valid at the end of d: d between these two.
        (versions.dbt_valid_from at time zone source_systems.time_zone)::date as first_day,
        coalesce((versions.dbt_valid_to at time zone source_systems.time_zone)::date - 1, 'infinity'::date) as last_day,

        versions.dbt_valid_to is null as is_current,
        versions.dbt_valid_from as valid_from,
        versions.dbt_valid_to as valid_to
    from versions
    inner join source_systems
        on source_systems.system = 'erp'

)

select * from final
