{{ config(post_hook='{{ analyze() }}') }}

with

complaints as (

    select * from {{ ref('agg_complaint_daily') }}

),

root_causes as (

    select * from {{ ref('root_causes') }}

),

products as (

    select * from {{ ref('dim_product') }}
    where is_current

),

regions as (

    select * from {{ ref('dim_region') }}

),

cells as (

    select
        complaints.day,
        complaints.complaint_type,
        complaints.sku,
        complaints.region_code,
        -- A SKU has one product line a day.
        min(complaints.product_line) as product_line,
        sum(complaints.complaint_count)::bigint as complaint_count,
        coalesce(sum(complaints.complaint_count) filter (where root_causes.is_misuse), 0)::bigint
            as misuse_complaint_count
    from complaints
    left join root_causes on complaints.root_cause = root_causes.root_cause
    group by 1, 2, 3, 4

),

final as (

    select
        cells.day,
        cells.complaint_type,
        cells.sku,
        cells.region_code,
        products.product_name,
        cells.product_line,
        regions.province,
        coalesce(regions.macro_region, 'unknown') as macro_region,
        cells.complaint_count,
        cells.misuse_complaint_count,
        (cells.complaint_count / sum(cells.complaint_count) over (partition by cells.day))::numeric(28, 8)
            as complaint_share,
        (cells.misuse_complaint_count::numeric / cells.complaint_count)::numeric(28, 8) as misuse_complaint_share
    from cells
    left join products on cells.sku = products.sku
    left join regions on cells.region_code = regions.region_code

)

select * from final
