alter table keys add column limits text not null default '[]';
