with

log_carriers as (

    {{ accepted_rows('erp', 'log_carriers', {'carrier_id': 'text'}) }}

),

final as (

    select
        log_carriers.carrier_id,

        {{ clean_text('log_carriers.carrier_name') }} as carrier_name,
        {{ clean_text('log_carriers.service_provinces') }} as service_provinces,
        log_carriers.is_backup
    from log_carriers

)

select * from final
