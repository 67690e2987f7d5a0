with

hr_knowledge_posts as (

    {{ accepted_rows('erp', 'hr_knowledge_posts', {'entry_id': 'text'}) }}

),

final as (

    select
        hr_knowledge_posts.entry_id,
        nullif(hr_knowledge_posts.author_id, '') as author_id,

        {{ clean_text('hr_knowledge_posts.entry_type') }} as entry_type,

        hr_knowledge_posts.reuse_count,

        hr_knowledge_posts.created_at
    from hr_knowledge_posts

)

select * from final
