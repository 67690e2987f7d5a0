with

cmp_patents as (

    {{ accepted_rows('erp', 'cmp_patents', {'patent_no': 'text'}) }}

),

final as (

    select
        cmp_patents.patent_no,
        nullif(cmp_patents.owner_id, '') as owner_id,

        cmp_patents.is_own,
        {{ clean_text('cmp_patents.technology_field') }} as technology_field,

        cmp_patents.filed_on,
        cmp_patents.granted_on
    from cmp_patents

)

select * from final
