-- What a provider keeps for a team: the id is the provider's, so another team may hold the same one.
create table held_ids (
    team_id       text not null,
    id            text not null,
    provider      text not null,
    credential_id text not null,
    held_at       integer not null,
    primary key (team_id, id)
) strict, without rowid;

create index held_ids_by_age on held_ids (held_at);

-- Answers that we keep. `items` and `answer` are JSON.
create table kept_answers (
    team_id text not null,
    id      text not null,
    kept_at integer not null,
    items   text not null,
    answer  text not null,
    primary key (team_id, id)
) strict;

create index kept_answers_by_team on kept_answers (team_id, kept_at);
create index kept_answers_by_age on kept_answers (kept_at);

-- The secret with which envelopes are sealed.
create table envelope_keys (
    id         text primary key,
    secret     blob not null,
    created_at integer not null
) strict, without rowid;
