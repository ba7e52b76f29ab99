-- What came of a change. `id` and `digest` are hashes; `sealed` is null until the change has ended.
create table repeat_results (
    id     blob primary key,
    digest blob not null,
    until  integer not null,
    sealed blob
) strict, without rowid;

create index repeat_results_by_age on repeat_results (until);
