-- What belongs to no source system: which company this is, the desk's exports until somebody takes them, which system is down
-- because a user rehearses that, what every text is really about (for scoring only), and which rows were made wrong on purpose.
-- The systems' own tables are made from their contracts.

create schema demo;
create table demo.company (
    seed bigint not null,
    scale double precision not null,
    recent double precision not null,
    first_day date not null,
    founded_until date not null,
    until date not null
);
create table demo.exports (
    file_name text primary key,
    content bytea not null
);
create table demo.stopped (
    system text primary key check (system in ('ecommerce', 'service'))
);
create table demo.text_key (
    system text not null,
    table_name text not null,
    row_key text not null,
    topic text not null,
    sentiment text not null,
    shape text not null,
    primary key (table_name, row_key)
);
create table demo.faults (
    name text not null,
    relation text not null,
    row_key text not null,
    day date not null
);

create schema erp;
comment on schema erp is 'ERP of the reference company, a lighting factory. 参考企业的 ERP';
create schema shop_platform;
comment on schema shop_platform is 'The e-commerce platforms of the reference company. 参考企业的电商平台';
create schema service_desk;
comment on schema service_desk is 'Service desk of the reference company. 参考企业的客服系统';
create view shop_platform.stopped as select from demo.stopped where system = 'ecommerce';
