-- What was said in a call, where `logging` may keep it: JSON, whole or cut at the border of a part.
create table bodies (
    trace_id text primary key,
    kept_at  integer not null,
    level    text not null,
    request  text,
    response text
) strict;

create index bodies_by_age on bodies (kept_at);
