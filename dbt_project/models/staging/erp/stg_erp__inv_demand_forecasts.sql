with

inv_demand_forecasts as (

    {{ accepted_rows('erp', 'inv_demand_forecasts', {'forecast_id': 'text'}) }}

),

final as (

    select
        inv_demand_forecasts.forecast_id,
        nullif(inv_demand_forecasts.sku, '') as sku,
        {{ clean_text('inv_demand_forecasts.region_code') }} as region_code,
        nullif(inv_demand_forecasts.campaign_id, '') as campaign_id,

        {{ clean_text('inv_demand_forecasts.period') }} as period,

        inv_demand_forecasts.version,
        inv_demand_forecasts.forecast_qty,

        inv_demand_forecasts.created_at
    from inv_demand_forecasts

)

select * from final
