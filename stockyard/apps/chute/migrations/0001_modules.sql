-- What was set on a module over the API. `enabled` and `config` are null where nothing was said.
-- `version` is the number of the configuration in which it changed last.
create table module_states (
    name        text primary key,
    asked       text not null,
    enabled     integer,
    locked      integer not null,
    config      text,
    version     integer not null,
    updated_at  integer not null,
    updated_by  text not null,
    file_sha256 blob
) strict, without rowid;

create table config_versions (
    number  integer primary key,
    at      integer not null,
    by      text not null,
    reason  text not null,
    changes text not null
) strict;
