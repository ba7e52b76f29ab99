-- What was counted of a thing that is still owed: results of a batch that is told page by page.
-- `part` is a digest, for its caller calls it as it likes.
create table owed_parts (
    team_id text not null,
    of      text not null,
    part    text not null,
    since   integer not null,
    primary key (team_id, of, part)
) strict, without rowid;

create index owed_parts_by_age on owed_parts (since);
