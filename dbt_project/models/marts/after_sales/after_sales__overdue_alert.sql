with

clock as (

    select * from {{ ref('service_clock') }}

),

cases as (

    select * from {{ ref('fct_service_case') }}

),

severities as (

    select * from {{ ref('overdue_severities') }}

),

products as (

    select * from {{ ref('dim_product') }}
    where is_current

),

open_cases as (

    select
        cases.*,
        clock.business_day,
        clock.known_until,
        case
            when
                cases.response_due_at < clock.known_until
                and (cases.first_response_at >= clock.known_until or cases.first_response_at is null)
                then cases.response_due_at
        end as response_overdue_since,
        case when cases.closing_due_at < clock.known_until then cases.closing_due_at end as closing_overdue_since
    from cases
    inner join clock on cases.opened_on <= clock.business_day
    where cases.closed_at >= clock.known_until or cases.closed_at is null

),

overdue_cases as (

    select
        *,
        ({{ hours_between('least(response_overdue_since, closing_overdue_since)', 'known_until') }})::numeric(18, 6)
            as hours_over
    from open_cases
    where response_overdue_since is not null or closing_overdue_since is not null

),

most_severe as (

    select max(severity_level) as severity_level
    from severities

),

-- Safety raises a case by one level; above the highest there is none.
levelled as (

    select
        overdue_cases.*,
        least(
            bands.severity_level + overdue_cases.is_safety::integer, most_severe.severity_level
        ) as severity_level
    from overdue_cases
    cross join most_severe
    left join severities as bands
        on
            overdue_cases.hours_over >= bands.lower_hours
            and (overdue_cases.hours_over < bands.upper_hours or bands.upper_hours is null)

),

final as (

    select
        levelled.case_type,
        levelled.case_id,
        levelled.case_class,
        levelled.complaint_type,
        levelled.urgency,
        levelled.is_safety,
        levelled.region_code,
        levelled.sku,
        products.product_name,
        levelled.customer_id,
        levelled.liable_dept,
        levelled.escalation_level,
        levelled.business_day,
        levelled.opened_at,
        levelled.response_due_at,
        levelled.closing_due_at,
        levelled.response_overdue_since is not null as is_response_overdue,
        levelled.closing_overdue_since is not null as is_closing_overdue,
        levelled.hours_over,
        severities.severity as overdue_complaint_alert,
        levelled.severity_level
    from levelled
    left join severities on levelled.severity_level = severities.severity_level
    left join products on levelled.sku = products.sku

)

select * from final
