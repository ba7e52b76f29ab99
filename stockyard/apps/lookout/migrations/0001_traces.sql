-- One row per call. `seq` grows in the order in which calls ended, so that pages stay stable. What
-- calls are looked for by stands in columns; all else stands in `row`, as JSONB, because
-- each column costs a call as much as all that it does not have to look at.
create table traces (
    seq         integer primary key,
    id          text not null unique,
    received_at integer not null,
    key_id      text not null,
    team_id     text not null,
    kind        text not null,
    model_asked text not null,
    model       text not null,
    provider    text not null,
    status      text not null,
    row         blob not null
) strict;

create index traces_by_time on traces (received_at);
create index traces_by_key on traces (key_id, seq);
create index traces_by_model on traces (model, seq);
create index traces_not_ok on traces (status, seq) where status <> 'ok';
