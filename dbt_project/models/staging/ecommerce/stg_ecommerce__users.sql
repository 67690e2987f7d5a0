with

users as (

    {{ accepted_rows('ecommerce', 'web_users', {'user_id': 'text'}) }}

),

final as (

    select
        users.user_id,
        nullif(users.customer_id, '') as customer_id,
        nullif(users.referrer_user_id, '') as referrer_user_id,

        {{ clean_text('users.city') }} as city,
        users.is_paid_member,
        {{ clean_text('users.member_tier') }} as member_tier,
        {{ clean_text('users.acquisition_source') }} as acquisition_source,
        users.consent_flag,

        users.birth_year,

        users.registered_at,
        users.in_private_domain_since
    from users

)

select * from final
