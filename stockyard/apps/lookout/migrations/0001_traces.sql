-- One row per call. `seq` grows in the order in which calls ended, so that pages stay stable.
create table traces (
    seq              integer primary key,
    id               text not null unique,
    request_id       text not null,
    received_at      integer not null,
    key_id           text not null,
    key_name         text not null,
    team_id          text not null,
    kind             text not null,
    format           text not null,
    path             text not null,
    native           text,
    model_asked      text not null,
    alias            text not null,
    model            text not null,
    provider         text not null,
    status           text not null,
    http_status      integer not null,
    error_kind       text,
    error_code       text,
    error_module     text,
    stream           integer not null,
    tokens_in        integer,
    tokens_out       integer,
    tokens_cached    integer,
    tokens_reasoning integer,
    usage_source     text,
    cost_micros      integer,
    cache            text not null,
    first_content_us integer,
    total_us         integer not null,
    gateway_us       integer not null,
    request_bytes    integer not null,
    answer_bytes     integer not null,
    attempts         text not null,
    findings         text not null,
    strip            text not null,
    tags             text not null,
    config_version   integer not null,
    client           text not null
) strict;

create index traces_by_time on traces (received_at);
create index traces_by_key on traces (key_id, seq);
create index traces_by_model on traces (model, seq);
create index traces_by_provider on traces (provider, seq);
create index traces_not_ok on traces (status, seq) where status <> 'ok';
