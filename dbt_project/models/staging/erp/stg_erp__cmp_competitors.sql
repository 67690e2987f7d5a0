with

cmp_competitors as (

    {{ accepted_rows('erp', 'cmp_competitors', {'competitor_id': 'text'}) }}

),

final as (

    select
        cmp_competitors.competitor_id,

        {{ clean_text('cmp_competitors.brand') }} as brand,
        {{ clean_text('cmp_competitors.player_group') }} as player_group,
        {{ clean_text('cmp_competitors.focus_price_tier') }} as focus_price_tier,
        {{ clean_text('cmp_competitors.home_cluster') }} as home_cluster
    from cmp_competitors

)

select * from final
