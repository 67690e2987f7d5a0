with

dealer_rebates as (

    {{ accepted_rows('erp', 'erp_dealer_rebates', {'rebate_id': 'text'}) }}

),

final as (

    select
        dealer_rebates.rebate_id,
        nullif(dealer_rebates.dealer_id, '') as dealer_id,

        {{ clean_text('dealer_rebates.program_type') }} as program_type,
        {{ clean_text('dealer_rebates.period') }} as period,
        dealer_rebates.target_attained,

        dealer_rebates.amount,
        dealer_rebates.compliance_score
    from dealer_rebates

)

select * from final
