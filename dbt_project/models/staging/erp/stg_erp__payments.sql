with

payments as (

    {{ accepted_rows('erp', 'erp_payments', {'payment_id': 'text'}) }}

),

final as (

    select
        payments.payment_id,
        nullif(payments.invoice_id, '') as invoice_id,

        payments.amount,

        payments.paid_date
    from payments

)

select * from final
