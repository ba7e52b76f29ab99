alter table keys add column addresses text not null default '[]';
alter table keys add column expires_at integer;
alter table keys add column paused_at integer;
alter table keys add column overlap_until integer;
alter table keys add column former_sha256 blob;
