-- Where usage that nobody asks for can be read: a path of a provider's native route; empty where it
-- is not known. `looked` is when the gateway read it last.
alter table owed add column place text not null default '';
alter table owed add column looked integer not null default 0;
