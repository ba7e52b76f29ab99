create table keys (
    id         text primary key,
    name       text not null,
    sha256     blob not null unique,
    prefix     text not null,
    last4      text not null,
    team_id    text not null,
    scopes     text not null,
    created_at integer not null,
    created_by text not null,
    revoked_at integer
) strict, without rowid;

create index keys_by_age on keys (created_at desc, id desc);

create table admin_credentials (
    id         text primary key,
    sha256     blob not null unique,
    created_at integer not null
) strict, without rowid;
