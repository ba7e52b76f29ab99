-- Whether anybody has an id is asked before a team may claim it.
create index held_ids_by_id on held_ids (id);
