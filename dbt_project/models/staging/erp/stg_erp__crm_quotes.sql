with

crm_quotes as (

    {{ accepted_rows('erp', 'crm_quotes', {'quote_id': 'text'}) }}

),

final as (

    select
        crm_quotes.quote_id,
        nullif(crm_quotes.opp_id, '') as opp_id,
        nullif(crm_quotes.sku, '') as sku,

        {{ clean_text('crm_quotes.source_tool') }} as source_tool,

        crm_quotes.quoted_price,

        crm_quotes.requested_at,
        crm_quotes.sent_at
    from crm_quotes

)

select * from final
