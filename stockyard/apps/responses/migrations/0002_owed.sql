-- What was begun at a provider and is counted once its usage is told. `of` is the thing itself, or
-- what it tells of: the file of a batch has the id of the batch there.
create table owed (
    team_id text not null,
    id      text not null,
    of      text not null,
    since   integer not null,
    primary key (team_id, id)
) strict, without rowid;

create index owed_by_thing on owed (team_id, of);
create index owed_by_age on owed (since);
