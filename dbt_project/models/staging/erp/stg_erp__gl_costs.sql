with

gl_costs as (

    {{ accepted_rows('erp', 'erp_gl_costs', {'gl_id': 'text'}) }}

),

final as (

    select
        gl_costs.gl_id,
        nullif(gl_costs.outlet_id, '') as outlet_id,
        nullif(gl_costs.channel_id, '') as channel_id,
        {{ clean_text('gl_costs.region_code') }} as region_code,

        {{ clean_text('gl_costs.period') }} as period,
        {{ clean_text('gl_costs.cost_type') }} as cost_type,
        {{ clean_text('gl_costs.cost_behaviour') }} as cost_behaviour,
        {{ clean_text('gl_costs.product_line') }} as product_line,

        gl_costs.amount
    from gl_costs

)

select * from final
