-- Bodies get a number that stays, so that words can be searched for in those that may be searched.
create table numbered_bodies (
    seq      integer primary key,
    trace_id text not null unique,
    kept_at  integer not null,
    level    text not null,
    request  text,
    response text
) strict;

insert into numbered_bodies (trace_id, kept_at, level, request, response)
select trace_id, kept_at, level, request, response from bodies order by kept_at;

drop table bodies;
alter table numbered_bodies rename to bodies;
create index bodies_by_age on bodies (kept_at);

create virtual table body_words using fts5(words, content = '', contentless_delete = 1);

create trigger body_words_go after delete on bodies begin
    delete from body_words where rowid = old.seq;
end;
