alter table keys add column lossy text;
