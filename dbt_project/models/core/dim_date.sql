with

days as (

    select generate_series('2009-01-01'::timestamp, '2035-12-31'::timestamp, interval '1 day')::date as date_day

),

final as (

    select
        days.date_day,
        extract(year from days.date_day)::integer as year,
        date_trunc('quarter', days.date_day)::date as quarter_start,
        date_trunc('month', days.date_day)::date as month_start,
        extract(isoyear from days.date_day)::integer as iso_year,
        extract(week from days.date_day)::integer as iso_week,
        extract(isodow from days.date_day)::integer as day_of_week,
        extract(isodow from days.date_day) in (6, 7) as is_weekend
    from days

)

select * from final
