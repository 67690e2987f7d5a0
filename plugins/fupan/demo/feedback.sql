-- What customers say, in two systems of their own: the platforms' reviews and the service desk. No checks beyond keys: both
-- systems let people write down what can't be. dags/sources/reference maps them onto the contracts.

create schema shop_platform;
comment on schema shop_platform is 'The e-commerce platforms of the reference company. 参考企业的电商平台';

create table shop_platform.reviews (
    review_id text primary key,
    order_id text,
    line_no integer,
    user_id text not null,
    sku text not null,
    title text not null,
    brand text not null,
    platform text not null,
    rating integer not null,
    text text,
    is_default boolean not null,
    posted_at timestamptz not null,
    updated_at timestamptz not null
);
create index on shop_platform.reviews (updated_at, review_id);
create index on shop_platform.reviews (order_id);

create schema service_desk;
comment on schema service_desk is 'Service desk of the reference company. 参考企业的客服系统';

create table service_desk.complaints (
    complaint_id text primary key,
    customer_id text,
    contact_name text,
    contact_phone text,
    order_id text not null,
    sku text not null,
    serial_no text,
    region_code text,
    complaint_type text not null,
    root_cause text,
    urgency text not null,
    is_safety boolean not null,
    claim_amount numeric(16, 2),
    currency text,
    source_channel text not null,
    complaint_text text not null,
    created_at timestamptz not null,
    first_response_at timestamptz,
    verified_at timestamptz,
    liability_at timestamptz,
    liable_dept text,
    solution_at timestamptz,
    closed_at timestamptz,
    escalation_level integer not null,
    escalated_at timestamptz,
    delay_cause text,
    reopened_flag boolean not null,
    followup_at timestamptz,
    followup_score integer,
    updated_at timestamptz not null
);
create index on service_desk.complaints (updated_at);
create index on service_desk.complaints (order_id);

create table service_desk.repairs (
    ticket_id text primary key,
    customer_id text,
    order_id text not null,
    sku text not null,
    serial_no text not null,
    fault_code text not null,
    cause_class text,
    is_compat_issue boolean not null,
    is_remote boolean not null,
    resolved_remotely boolean not null,
    opened_at timestamptz not null,
    first_response_at timestamptz,
    arrived_at timestamptz,
    closed_at timestamptz,
    work_minutes integer,
    updated_at timestamptz not null
);
create index on service_desk.repairs (updated_at);
create index on service_desk.repairs (order_id);

create table service_desk.chats (
    chat_id text primary key,
    user_id text not null,
    customer_id text,
    topic text not null,
    agent_id text,
    handled_by_bot boolean not null,
    is_vip_queue boolean not null,
    queue_entered_at timestamptz not null,
    first_reply_at timestamptz,
    ended_at timestamptz not null,
    resolved_flag boolean not null,
    rating integer
);
create index on service_desk.chats (ended_at);

create table service_desk.survey_answers (
    survey_id text,
    respondent_id text,
    question_code text,
    customer_id text,
    segment text not null,
    region_code text not null,
    age_band text not null,
    score integer,
    answer_code text,
    responded_at timestamptz not null,
    needs_followup boolean not null,
    followup_at timestamptz,
    fixed_at timestamptz,
    updated_at timestamptz not null,
    primary key (survey_id, respondent_id, question_code)
);
create index on service_desk.survey_answers (updated_at);

-- Not part of the two systems: the files that the desk exports each night, until somebody takes them, and which system is
-- down at the moment because a user rehearses that.
create table demo.exports (
    file_name text primary key,
    content bytea not null
);
create table demo.stopped (
    system text primary key check (system in ('ecommerce', 'service'))
);
create view shop_platform.stopped as select from demo.stopped where system = 'ecommerce';
