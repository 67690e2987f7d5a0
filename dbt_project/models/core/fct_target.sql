with

targets as (

    select * from {{ ref('stg_erp__targets') }}

),

business_day as (

    select * from {{ ref('business_day') }}

),

source_systems as (

    select * from {{ ref('stg_ops__source_systems') }}

),

dated_targets as (

    select
        targets.*,
        coalesce(
            (targets.approved_at at time zone source_systems.time_zone)::date <= business_day.business_day, false
        ) as is_approved
    from targets
    cross join business_day
    inner join source_systems
        on source_systems.system = 'erp'
    where targets.period_month is not null

),

ranked_targets as (

    select
        dated_targets.*,
        row_number() over (
            partition by
                dated_targets.period_month,
                dated_targets.measure_id,
                dated_targets.region_code,
                dated_targets.product_line,
                dated_targets.channel_id,
                dated_targets.rep_id,
                dated_targets.campaign_id,
                dated_targets.currency,
                dated_targets.is_approved
            order by dated_targets.version desc nulls last, dated_targets.approved_at desc, dated_targets.target_id desc
        ) as recency
    from dated_targets

),

final as (

    select
        ranked_targets.target_id,
        ranked_targets.period_month,
        ranked_targets.measure_id,
        ranked_targets.region_code,
        ranked_targets.product_line,
        ranked_targets.channel_id,
        ranked_targets.rep_id,
        ranked_targets.campaign_id,

        ranked_targets.currency,
        ranked_targets.version,
        ranked_targets.is_approved and ranked_targets.recency = 1 as is_current_version,

        ranked_targets.target_value,
        ranked_targets.expected_growth,

        ranked_targets.approved_at
    from ranked_targets

)

select * from final
