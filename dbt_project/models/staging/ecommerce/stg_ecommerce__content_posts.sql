with

content_posts as (

    {{ accepted_rows('ecommerce', 'web_content_posts', {'post_id': 'text', 'stat_date': 'date'}) }}

),

final as (

    select
        content_posts.post_id,
        nullif(content_posts.author_id, '') as author_id,
        nullif(content_posts.campaign_id, '') as campaign_id,
        content_posts.stat_date,

        {{ clean_text('content_posts.platform') }} as platform,
        {{ clean_text('content_posts.content_type') }} as content_type,
        {{ clean_text('content_posts.author_type') }} as author_type,
        {{ clean_text('content_posts.topic') }} as topic,
        content_posts.is_new_product_launch,

        content_posts.reads,
        content_posts.interactions,
        content_posts.inquiries,
        content_posts.orders,
        content_posts.gmv,
        content_posts.production_cost,

        content_posts.published_at
    from content_posts

)

select * from final
