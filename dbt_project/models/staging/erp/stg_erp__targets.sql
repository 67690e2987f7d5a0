with

targets as (

    {{ accepted_rows('erp', 'hr_targets', {'target_id': 'text'}) }}

),

final as (

    select
        targets.target_id,
        nullif(targets.region_code, '') as region_code,
        {{ clean_text('targets.product_line') }} as product_line,
        nullif(targets.channel_id, '') as channel_id,
        nullif(targets.rep_id, '') as rep_id,
        nullif(targets.campaign_id, '') as campaign_id,

        {{ clean_text('targets.measure_id') }} as measure_id,
        {{ clean_text('targets.currency') }} as currency,
        targets.version,
        {{ clean_text('targets.change_reason') }} as change_reason,

        targets.target_value,
        targets.expected_growth,

        -- A period that is no month must not stop every other target.
        case
            when targets.period ~ '^[0-9]{4}-(0[1-9]|1[0-2])$' then to_date(targets.period, 'YYYY-MM')
        end as period_month,
        targets.approved_at
    from targets

)

select * from final
