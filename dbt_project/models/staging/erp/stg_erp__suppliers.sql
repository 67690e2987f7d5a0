with

suppliers as (

    {{ accepted_rows('erp', 'erp_suppliers', {'supplier_id': 'text'}) }}

),

final as (

    select
        suppliers.supplier_id,

        {{ clean_text('suppliers.supplier_name') }} as supplier_name,
        {{ clean_text('suppliers.component_class') }} as component_class,
        suppliers.is_backup,

        suppliers.audit_score,

        suppliers.qualification_expiry,
        suppliers.last_audit_date
    from suppliers

)

select * from final
