with

mkt_campaigns as (

    {{ accepted_rows('erp', 'mkt_campaigns', {'campaign_id': 'text'}) }}

),

final as (

    select
        mkt_campaigns.campaign_id,
        {{ clean_text('mkt_campaigns.region_code') }} as region_code,

        {{ clean_text('mkt_campaigns.campaign_name') }} as campaign_name,
        {{ clean_text('mkt_campaigns.campaign_type') }} as campaign_type,
        mkt_campaigns.online_flag,
        {{ clean_text('mkt_campaigns.phase') }} as phase,
        {{ clean_text('mkt_campaigns.objective') }} as objective,

        mkt_campaigns.start_date,
        mkt_campaigns.end_date
    from mkt_campaigns

)

select * from final
