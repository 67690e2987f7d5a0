with

invoices as (

    {{ accepted_rows('erp', 'erp_invoices', {'invoice_id': 'text'}) }}

),

final as (

    select
        invoices.invoice_id,
        nullif(invoices.order_id, '') as order_id,
        nullif(invoices.customer_id, '') as customer_id,

        invoices.amount,

        invoices.invoice_date,
        invoices.due_date
    from invoices

)

select * from final
