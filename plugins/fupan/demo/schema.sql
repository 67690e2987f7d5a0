-- The reference company's ERP. Relations are named as a company would name them; dags/sources/reference maps them onto the contracts.

create schema erp;
comment on schema erp is 'ERP of the reference company, a lighting factory. 参考企业的 ERP';

create table erp.regions (
    region_code text primary key,
    province text,
    macro_region text not null,
    country text not null,
    city_tier text,
    area_km2 numeric(14, 2),
    households bigint,
    addressable_accounts bigint,
    market_potential_value numeric(18, 2),
    market_group text not null check (market_group in ('domestic', 'overseas'))
);

create table erp.channels (
    channel_id text primary key,
    channel_name text not null,
    channel_group text not null,
    online_flag boolean not null,
    is_emerging boolean not null,
    opened_on date not null
);

create table erp.products (
    sku text primary key,
    product_name text not null,
    product_line text not null,
    category text not null,
    series text not null,
    item_role text not null check (item_role in ('traffic', 'profit', 'image')),
    list_price numeric(14, 4) not null check (list_price > 0),
    standard_cost numeric(14, 4),
    launch_date date not null,
    discontinue_date date,
    is_smart boolean not null,
    updated_at timestamptz not null
);

create table erp.customers (
    customer_id text primary key,
    company_name text,
    contact_name text not null,
    contact_phone text,
    contact_email text,
    customer_type text not null,
    industry text,
    is_b2b boolean not null,
    region_code text not null references erp.regions,
    province text,
    city text not null,
    city_tier text,
    country text not null,
    account_class text not null check (account_class in ('A', 'B', 'C')),
    credit_days integer not null,
    created_at timestamptz not null,
    updated_at timestamptz not null
);

create table erp.sales_orders (
    order_id text primary key,
    order_date date not null,
    customer_id text references erp.customers,
    channel_id text not null references erp.channels,
    platform text,
    device_type text,
    country text not null,
    currency text not null,
    status text not null check (status in ('open', 'paid', 'shipped', 'completed', 'cancelled')),
    cancelled_at timestamptz,
    updated_at timestamptz not null,
    check ((status = 'cancelled') = (cancelled_at is not null))
);
create index on erp.sales_orders (updated_at);

-- No check on qty: this ERP lets a clerk book a line of nothing, as many do.
create table erp.sales_order_lines (
    order_id text not null references erp.sales_orders on delete cascade,
    line_no integer not null,
    sku text not null references erp.products,
    qty integer not null,
    list_price numeric(14, 4) not null,
    unit_price numeric(14, 4) not null,
    discount_amount numeric(16, 4) not null,
    net_amount numeric(16, 4) not null,
    cost_amount numeric(16, 4),
    is_gift boolean not null,
    updated_at timestamptz not null,
    primary key (order_id, line_no)
);
create index on erp.sales_order_lines (updated_at);

create table erp.returns (
    return_id text primary key,
    order_id text not null,
    line_no integer not null,
    sku text not null references erp.products,
    customer_id text references erp.customers,
    channel_id text not null references erp.channels,
    country text not null,
    return_type text not null check (return_type in ('return', 'exchange')),
    requested_at timestamptz not null,
    completed_at timestamptz check (completed_at >= requested_at),
    qty integer not null,
    refund_amount numeric(16, 4) not null,
    currency text not null,
    reason_code text not null,
    updated_at timestamptz not null,
    foreign key (order_id, line_no) references erp.sales_order_lines
);
create index on erp.returns (updated_at);

create table erp.targets (
    target_id text primary key,
    period text not null,
    measure_id text not null check (measure_id in ('revenue', 'profit', 'units')),
    region_code text references erp.regions,
    product_line text,
    channel_id text references erp.channels,
    rep_id text,
    campaign_id text,
    target_value numeric(18, 4) not null,
    expected_growth numeric(10, 6),
    currency text,
    version integer not null,
    approved_at timestamptz,
    change_reason text,
    unique nulls not distinct (period, measure_id, region_code, product_line, channel_id, rep_id, campaign_id, version)
);

-- Not part of the ERP: how far its days have been played, and from which seed.
create schema demo;
create table demo.played (
    only_row boolean primary key default true check (only_row),
    started date not null,
    until date not null,
    seed bigint not null
);
