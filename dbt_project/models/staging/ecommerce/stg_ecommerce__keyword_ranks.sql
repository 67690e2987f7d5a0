with

keyword_ranks as (

    {{ accepted_rows('ecommerce', 'web_keyword_ranks', {'stat_date': 'date', 'engine': 'text', 'keyword': 'text'}) }}

),

final as (

    select
        keyword_ranks.stat_date,
        keyword_ranks.engine,
        keyword_ranks.keyword,

        keyword_ranks.is_ai_engine,

        keyword_ranks.rank_position,
        keyword_ranks.impressions,
        keyword_ranks.clicks,
        keyword_ranks.brand_mentions
    from keyword_ranks

)

select * from final
