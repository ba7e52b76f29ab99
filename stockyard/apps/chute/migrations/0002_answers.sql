-- Answers that the module `cache` keeps. Times are seconds since 1970; `tags` is a JSON object.
create table cached_answers (
    key        blob primary key,
    value      blob not null,
    stored_at  real not null,
    expires_at real not null,
    useless_at real not null,
    model      text not null,
    key_id     text not null,
    user       text not null,
    tags       text not null
) strict;

create index cached_answers_by_end on cached_answers (useless_at);
create index cached_answers_by_age on cached_answers (stored_at);
