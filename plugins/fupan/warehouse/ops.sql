-- Schema `ops`: what every step did, found and decided. Run again and again by its owner; every statement is idempotent.

create schema if not exists ops;
comment on schema ops is 'What every step of the night did, found and decided. 运行记录';

create table if not exists ops.run (
    run_id bigint generated always as identity primary key,
    kind text not null check (kind in ('extract', 'build', 'backfill', 'maintain')),
    system text,
    business_day date not null,
    state text not null default 'running' check (state in ('running', 'succeeded', 'failed')),
    orchestrator_run_id text,
    started_at timestamptz not null default clock_timestamp(),
    finished_at timestamptz,
    error text
);
comment on table ops.run is 'One row a run of an extraction, a build, a backfill or the maintenance.';

create table if not exists ops.landing (
    system text not null,
    business_day date not null,
    state text not null check (state in ('landed', 'failed')),
    run_id bigint references ops.run,
    landed_at timestamptz not null default clock_timestamp(),
    error text,
    primary key (system, business_day)
);
comment on table ops.landing is 'One row a source system and business day: landed, or failed for good. The build waits for these.';

create table if not exists ops.source_table (
    system text not null,
    table_name text not null,
    is_delivered boolean not null,
    owner text,
    checked_at timestamptz not null default clock_timestamp(),
    primary key (system, table_name)
);
alter table ops.source_table add column if not exists freshness interval;
comment on table ops.source_table is 'One row a contract: whether this installation delivers that table. What depends on an undelivered one says "no data".';
comment on column ops.source_table.freshness is 'How long before the end of the business day its newest row may be; null: nobody expects news.';

create table if not exists ops.source_system (
    system text primary key,
    time_zone text not null,
    installation text not null,
    checked_at timestamptz not null default clock_timestamp()
);
comment on table ops.source_system is 'One row a source system of this installation; time_zone turns its time stamps into days.';

create table if not exists ops.load (
    load_id bigint generated always as identity primary key,
    run_id bigint not null references ops.run,
    system text not null,
    table_name text not null,
    business_day date not null,
    mode text not null check (mode in ('full', 'incremental', 'compare', 'window', 'reconcile')),
    state text not null default 'running' check (state in ('running', 'succeeded', 'failed')),
    rows_read bigint not null default 0,
    rows_inserted bigint not null default 0,
    rows_updated bigint not null default 0,
    rows_unchanged bigint not null default 0,
    rows_duplicate bigint not null default 0,
    rows_rejected bigint not null default 0,
    rows_deleted bigint not null default 0,
    watermark_before jsonb,
    watermark_after jsonb,
    started_at timestamptz not null default clock_timestamp(),
    finished_at timestamptz,
    error text,
    check (
        state <> 'succeeded'
        or rows_read = rows_inserted + rows_updated + rows_unchanged + rows_duplicate + rows_rejected
    )
);
comment on table ops.load is 'One row a load of one source table; raw._batch_id is its load_id. read = inserted + updated + unchanged + duplicate + rejected.';

alter table ops.load add column if not exists cut_at jsonb;
comment on column ops.load.cut_at is 'Of a load in pieces: rows from this cursor on are in no piece; they are read when the pieces are joined, in one snapshot.';

create table if not exists ops.load_piece (
    load_id bigint not null references ops.load,
    piece integer not null,
    low text[],
    high text[],
    state text not null default 'waiting' check (state in ('waiting', 'running', 'loaded', 'failed')),
    tries integer not null default 0,
    rows_fitting bigint,
    rows_misfitting bigint,
    started_at timestamptz,
    finished_at timestamptz,
    error text,
    primary key (load_id, piece)
);
comment on table ops.load_piece is 'One row a piece of a load of a big table: low <= primary key < high (null: open end), in a table of schema raw_pieces until all are joined.';

create table if not exists ops.pseudonym_key (
    only_row boolean primary key default true check (only_row),
    fingerprint text not null,
    recorded_at timestamptz not null default clock_timestamp()
);
comment on table ops.pseudonym_key is 'One row: fingerprint of the key that made the hashes in raw. Another key would give a person a second hash.';

create table if not exists ops.watermark (
    system text not null,
    table_name text not null,
    position jsonb not null,
    load_id bigint not null references ops.load,
    moved_at timestamptz not null default clock_timestamp(),
    primary key (system, table_name)
);
comment on table ops.watermark is 'One row a source table read by cursor: the position up to which it is loaded, written in the transaction of the load.';

create table if not exists ops.source_file (
    system text not null,
    table_name text not null,
    file_name text not null,
    sha256 text not null,
    size_bytes bigint not null,
    modified_at timestamptz not null,
    day date,
    row_count bigint,
    same_as text,
    is_void boolean not null default false,
    load_id bigint not null references ops.load,
    read_at timestamptz not null default clock_timestamp(),
    primary key (system, table_name, file_name, sha256)
);
comment on table ops.source_file is 'One row a file of a drop folder and content of it that a load has read, written in the transaction of that load.';
comment on column ops.source_file.day is 'Day that the file''s name tells; null where names tell none.';
comment on column ops.source_file.row_count is 'Rows in the file, rejected ones among them; null where it was not read.';
comment on column ops.source_file.same_as is 'The file that was read before with the same content, so that this one was not.';
comment on column ops.source_file.is_void is 'Raw has gained a column since: the file is to be read again.';

create table if not exists ops.drift (
    drift_id bigint generated always as identity primary key,
    system text not null,
    table_name text not null,
    column_name text not null,
    kind text not null check (kind in ('added', 'missing', 'retyped')),
    detail text not null,
    first_seen timestamptz not null default clock_timestamp(),
    last_seen timestamptz not null default clock_timestamp(),
    resolved_at timestamptz,
    unique (system, table_name, column_name, kind, detail)
);
comment on table ops.drift is 'One row a difference between a source table and its contract; resolved_at: when it was first no longer there.';

create table if not exists ops.rejected_row (
    load_id bigint not null references ops.load,
    system text not null,
    table_name text not null,
    row_number bigint not null,
    column_name text,
    reason text not null,
    row_content jsonb not null,
    primary key (load_id, row_number)
);
comment on table ops.rejected_row is 'One row a source row that could not enter raw, with why; personal data hashed.';

create or replace function ops.input_is_valid(value text, type text) returns boolean language plpgsql stable as $$
begin
    if type = 'timestamp' then
        perform value::timestamp;
    else
        perform value::timestamptz;
    end if;
    return true;
exception when data_exception then
    return false;
end $$;
comment on function ops.input_is_valid is 'Whether a text is a timestamp or timestamptz: pg_input_is_valid for PostgreSQL 15, which has none.';

create table if not exists ops.control_total (
    load_id bigint not null references ops.load,
    system text not null,
    table_name text not null,
    day date,
    measure text not null,
    source_value numeric,
    raw_value numeric,
    agrees boolean not null,
    unique nulls not distinct (load_id, table_name, day, measure)
);
comment on table ops.control_total is 'One row a load, day and measure (rows, sum of a column): the source in the snapshot of the read against raw after it.';

create table if not exists ops.build (
    build_id bigint generated always as identity primary key,
    run_id bigint not null references ops.run,
    business_day date not null,
    kind text not null check (kind in ('nightly', 'late', 'backfill')),
    dimensions text[],
    state text not null default 'running' check (state in ('running', 'core_built', 'finished', 'failed')),
    started_at timestamptz not null default clock_timestamp(),
    core_built_at timestamptz,
    finished_at timestamptz
);
comment on table ops.build is 'One row a build of the warehouse. dimensions: the only ones this build may publish (null: all). core_built_at: core has absorbed all its loads, whatever became of the build afterwards.';

create table if not exists ops.build_step (
    build_id bigint not null references ops.build,
    step text not null,
    started_at timestamptz not null default clock_timestamp(),
    finished_at timestamptz,
    error text,
    primary key (build_id, step)
);
comment on table ops.build_step is 'One row a build and step: its last try. finished_at null and error null: running or killed.';

create table if not exists ops.build_load (
    build_id bigint not null references ops.build,
    load_id bigint not null references ops.load,
    primary key (build_id, load_id)
);
comment on table ops.build_load is 'The loads whose rows a build takes up. A load is taken up for good once a build reached core_built.';

create table if not exists ops.clock (
    only_row boolean primary key default true check (only_row),
    business_day date not null,
    build_id bigint not null references ops.build
);
comment on table ops.clock is 'One row: the build that is under way, or was last, and its business day. Marts show days up to it.';

create table if not exists ops.validation (
    validation_id bigint generated always as identity primary key,
    build_id bigint references ops.build,
    gate text not null check (gate in ('raw', 'release', 'full')),
    suite text not null,
    rule text not null,
    expectation text not null,
    system text,
    table_name text not null,
    dimensions text[] not null,
    severity text not null check (severity in ('critical', 'warning', 'info')),
    on_fail text not null check (on_fail in ('hold', 'quarantine', 'warn')),
    owner text not null,
    passed boolean not null,
    evaluated bigint,
    unexpected bigint,
    observed jsonb,
    sample_keys jsonb,
    message text,
    runbook text,
    validated_at timestamptz not null default clock_timestamp()
);
comment on table ops.validation is 'One row an expectation and gate: passed or not, how many of how many, sample keys.';

create table if not exists ops.gate_pass (
    system text not null,
    table_name text not null,
    load_id bigint not null references ops.load,
    previous_load_id bigint references ops.load,
    build_id bigint references ops.build,
    passed_at timestamptz not null default clock_timestamp(),
    primary key (system, table_name)
);
comment on table ops.gate_pass is 'One row a raw table: the last load up to which every row passed the raw gate or was quarantined.';
comment on column ops.gate_pass.previous_load_id is 'Position before build_id moved it: where that build''s gate starts when it runs again, or the next one''s when that build died.';

create table if not exists ops.quarantine (
    quarantine_id bigint generated always as identity primary key,
    system text not null,
    table_name text not null,
    rule text not null,
    row_key text[] not null,
    row_content jsonb not null,
    first_build_id bigint references ops.build,
    last_build_id bigint references ops.build,
    quarantined_at timestamptz not null default clock_timestamp(),
    released_at timestamptz,
    released_build_id bigint references ops.build,
    release_reason text
);
create unique index if not exists quarantine_open on ops.quarantine (table_name, row_key, rule) where released_at is null;
comment on table ops.quarantine is 'One row a rule and raw row kept out of staging; row_key is the primary key in the contract''s order, as text. Released rows stay, closed.';

create or replace view ops.table_volume as
with nights as (
    select
        build.build_id,
        load.system,
        load.table_name,
        sum(load.rows_inserted + load.rows_updated) as rows_changed,
        sum(load.rows_deleted) as rows_deleted,
        bool_or(build.core_built_at is not null or build.state in ('core_built', 'finished')) as is_built
    from ops.build as build
    inner join ops.build_load as taken on taken.build_id = build.build_id
    inner join ops.load as load on load.load_id = taken.load_id
    where build.kind = 'nightly'
    group by build.build_id, load.system, load.table_name
)

select
    tonight.system,
    tonight.table_name,
    tonight.rows_changed,
    tonight.rows_deleted,
    past.usual_rows_changed,
    past.nights
from ops.clock as clock
inner join nights as tonight on tonight.build_id = clock.build_id
left join lateral (
    select
        percentile_cont(0.5) within group (order by recent.rows_changed) as usual_rows_changed,
        count(*) as nights
    from (
        select night.rows_changed
        from nights as night
        where night.system = tonight.system and night.table_name = tonight.table_name
            and night.build_id < tonight.build_id and night.is_built
        order by night.build_id desc
        limit 14
    ) as recent
) as past on true;
comment on view ops.table_volume is 'One row a source table that tonight''s build takes up: rows changed and deleted tonight, and the median of up to 14 nights before.';

create table if not exists ops.dbt_node (
    build_id bigint not null references ops.build,
    stage text not null,
    node_id text not null,
    resource_type text not null,
    status text not null,
    failures bigint,
    rows_affected bigint,
    seconds double precision not null,
    message text,
    finished_at timestamptz not null default clock_timestamp(),
    primary key (build_id, stage, node_id)
);
comment on table ops.dbt_node is 'One row a dbt node that a build ran: its last result.';

create table if not exists ops.release (
    release_id bigint generated always as identity primary key,
    dimension text not null,
    business_day date not null,
    build_id bigint references ops.build,
    schema_name text not null unique,
    state text not null check (state in ('current', 'superseded', 'rolled_back', 'pruned')),
    columns jsonb not null,
    breaking_releases jsonb not null default '{}',
    published_at timestamptz not null default clock_timestamp(),
    published_by text not null default current_user,
    override_reason text
);
create unique index if not exists release_current on ops.release (dimension) where state = 'current';
comment on table ops.release is 'One row a published release of a dimension. columns: relation -> [[column, type], …] as published. breaking_releases: relation (* = the dimension) -> meta.breaking_release that it bore.';

create table if not exists ops.verdict (
    build_id bigint not null references ops.build,
    dimension text not null,
    business_day date not null,
    verdict text not null check (verdict in ('published', 'published_with_warnings', 'held')),
    reasons jsonb not null default '[]',
    release_id bigint references ops.release,
    decided_at timestamptz not null default clock_timestamp(),
    primary key (build_id, dimension)
);
comment on table ops.verdict is 'One row a build and dimension. reasons: [{kind, severity, message, owner, rule, table, runbook}, …].';

create table if not exists ops.incident (
    incident_id bigint generated always as identity primary key,
    fingerprint text not null,
    kind text not null,
    rule text,
    table_name text,
    owner text not null,
    dimensions text[] not null,
    severity text not null,
    announced_severity text,
    summary text not null,
    opened_day date not null,
    opened_at timestamptz not null default clock_timestamp(),
    last_seen_day date not null,
    closed_at timestamptz
);
create unique index if not exists incident_open on ops.incident (fingerprint) where closed_at is null;
comment on table ops.incident is 'One row a fault from the night it was first seen to the night it was gone; owners hear of both, not of every night between.';
comment on column ops.incident.announced_severity is 'Severity that the owner was last told of; null: no message about it was delivered yet.';

create table if not exists ops.alert (
    alert_id bigint generated always as identity primary key,
    build_id bigint references ops.build,
    business_day date not null,
    owner text not null,
    kind text not null check (kind in ('failure', 'recovery')),
    severity text not null,
    subject text not null,
    body text not null,
    fields jsonb not null,
    channels text[] not null,
    incident_ids bigint[] not null,
    created_at timestamptz not null default clock_timestamp(),
    sent_at timestamptz,
    error text
);
comment on table ops.alert is 'One row a message to an owner; sent_at null: not delivered, error says why. fields: what webhooks get as JSON.';

create table if not exists ops.night_report (
    build_id bigint primary key references ops.build,
    business_day date not null,
    report jsonb not null,
    created_at timestamptz not null default clock_timestamp()
);
comment on table ops.night_report is 'One row a build: the night report as printed.';

create schema if not exists status;
comment on schema status is 'How fresh and how sound what BI users see is. 数据状态';

create table if not exists status.dimension_status (
    dimension text primary key,
    label_en text not null,
    label_zh text not null,
    verdict text not null,
    business_day date,
    release_id bigint,
    published_at timestamptz,
    held_since date,
    why text,
    override_reason text,
    no_data text[] not null default '{}',
    checked_at timestamptz not null default clock_timestamp()
);
comment on table status.dimension_status is 'One row a review dimension: last verdict, business day of what is visible, why held. 各复盘维度的数据状态';
comment on column status.dimension_status.verdict is 'published, published_with_warnings, held or never_published. 结论';
comment on column status.dimension_status.business_day is 'Business day up to which the visible release shows the company. 数据截止日';
comment on column status.dimension_status.held_since is 'First business day that was not published; null when tonight''s was. 暂缓发布起始日';
comment on column status.dimension_status.no_data is 'Marts that depend on source tables which this installation does not deliver. 无数据来源的集市';

-- The publish step says by name who keeps it from publishing; without this right (an owner that may not grant it) it
-- can tell the session's pid and user alone.
do $$ begin
    grant pg_read_all_stats to fupan_builder;
exception when insufficient_privilege then null;
end $$;
