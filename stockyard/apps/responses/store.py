"""The only SQL about held ids, what is owed, kept answers and the key of envelopes."""

from collections.abc import Sequence

import msgspec

from stockyard.core.ports import Held, KeptAnswer
from stockyard.storage.database import Database, Row, Transaction

HOLD = """
insert into held_ids (team_id, id, provider, credential_id, held_at)
select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4
from jsonb_each(jsonb(:rows)) where true
on conflict (team_id, id) do update set
    provider = excluded.provider, credential_id = excluded.credential_id,
    held_at = excluded.held_at
"""
"""The rows of a batch, each an array in this order. `where true` tells the parser that the join of
`on conflict` is none."""


def held_by(database: Database, team_id: str, held_id: str) -> Held | None:
    """Who keeps what has this id for this team."""
    rows = database.read(
        "select provider, credential_id from held_ids where team_id = :team and id = :id",
        {"team": team_id, "id": held_id},
    )
    return Held(*rows[0]) if rows else None


def is_held(database: Database, held_id: str) -> bool:
    """Whether any team has something with this id."""
    return bool(database.read("select 1 from held_ids where id = :id limit 1", {"id": held_id}))


def owes(database: Database, team_id: str, thing: str) -> bool:
    rows = database.read(
        "select 1 from owed where team_id = :team and id = :id", {"team": team_id, "id": thing}
    )
    return bool(rows)


def owe(transaction: Transaction, team_id: str, thing: str, of: str, place: str, now: int) -> None:
    """Remember something whose usage is still to be counted, or another name of it."""
    transaction.execute(
        "insert into owed (team_id, id, of, place, since) select :team, :id, :of, :place, :now "
        "where :id = :of or exists (select 1 from owed where team_id = :team and id = :of) "
        "on conflict do nothing",
        {"team": team_id, "id": thing, "of": of, "place": place, "now": now},
    )


async def unreported(
    database: Database,
    *,
    begun_before: int,
    told_before: int,
    looked_before: int,
    begun_after: int,
    most: int,
) -> list[Row]:
    """Team, id and place of what is owed for long. A file with the results of something is named
    only once that is over, so it has a bound of its own."""
    return await database.read_slowly(
        "select team_id, id, place from owed where place != '' and looked < :looked "
        "and since > :after and since < case when id = of then :before else :told end "
        "order by looked, since limit :most",
        {
            "looked": looked_before,
            "after": begun_after,
            "before": begun_before,
            "told": told_before,
            "most": most,
        },
    )


def looked(transaction: Transaction, team_id: str, thing: str, now: int) -> None:
    transaction.execute(
        "update owed set looked = :now where team_id = :team and id = :id",
        {"team": team_id, "id": thing, "now": now},
    )


def settle(transaction: Transaction, team_id: str, thing: str) -> bool:
    """Forget what is counted now, under all its names; whether there was one."""
    gone = transaction.execute(
        "delete from owed where team_id = :team and of in "
        "(select of from owed where team_id = :team and id = :id) returning id",
        {"team": team_id, "id": thing},
    )
    return bool(gone)


def settle_parts(
    transaction: Transaction, team_id: str, thing: str, parts: Sequence[str], now: int
) -> list[str]:
    """Remember what is counted now of something that is owed; the parts that were not before."""
    told = transaction.execute(
        "insert into owed_parts (team_id, of, part, since) "
        "select :team, :of, value, :now from json_each(:parts) "
        "where exists (select 1 from owed where team_id = :team and id = :of) "
        "on conflict do nothing returning part",
        {"team": team_id, "of": thing, "parts": msgspec.json.encode(parts).decode(), "now": now},
    )
    return [row[0] for row in told]


def delete_parts_before(transaction: Transaction, before: int, limit: int) -> int:
    """Delete at most `limit` parts that are older; how many there were."""
    gone = transaction.execute(
        "delete from owed_parts where (team_id, of, part) in (select team_id, of, part "
        "from owed_parts where since < :before order by since limit :limit) returning part",
        {"before": before, "limit": limit},
    )
    return len(gone)


async def parts_since(database: Database, most: int) -> int | None:
    """When the oldest of the newest `most` parts was counted, if there are more than those."""
    rows = await database.read_slowly(
        "select since from owed_parts order by since desc limit 2 offset :last",
        {"last": most - 1},
    )
    return rows[0][0] if len(rows) > 1 else None


def delete_owed_before(transaction: Transaction, before: int, limit: int) -> int:
    """Delete at most `limit` that are older; how many there were."""
    gone = transaction.execute(
        "delete from owed where (team_id, id) in (select team_id, id from owed "
        "where since < :before order by since limit :limit) returning id",
        {"before": before, "limit": limit},
    )
    return len(gone)


def kept_answer(database: Database, team_id: str, answer_id: str) -> KeptAnswer | None:
    """The answer with this id that we keep for this team."""
    rows = database.read(
        "select items, answer from kept_answers where team_id = :team and id = :id",
        {"team": team_id, "id": answer_id},
    )
    return KeptAnswer(rows[0][0].encode(), rows[0][1].encode()) if rows else None


def keep_answer(
    transaction: Transaction, team_id: str, answer_id: str, kept: KeptAnswer, now: int, most: int
) -> None:
    """Store an answer. Of more than `most` of a team the oldest go."""
    transaction.execute(
        "insert into kept_answers (team_id, id, kept_at, items, answer) "
        "values (:team, :id, :now, :items, :answer)",
        {
            "team": team_id,
            "id": answer_id,
            "now": now,
            "items": kept.items.decode(),
            "answer": kept.answer.decode(),
        },
    )
    transaction.execute(
        "delete from kept_answers where team_id = :team and id in "
        "(select id from kept_answers where team_id = :team "
        "order by kept_at desc, id desc limit -1 offset :most)",
        {"team": team_id, "most": most},
    )


def forget_answer(transaction: Transaction, team_id: str, answer_id: str) -> bool:
    """Delete an answer; whether there was one."""
    gone = transaction.execute(
        "delete from kept_answers where team_id = :team and id = :id returning id",
        {"team": team_id, "id": answer_id},
    )
    return bool(gone)


def delete_answers_before(transaction: Transaction, before: int, limit: int) -> int:
    """Delete at most `limit` answers that are older; how many there were."""
    gone = transaction.execute(
        "delete from kept_answers where (team_id, id) in (select team_id, id from kept_answers "
        "where kept_at < :before order by kept_at limit :limit) returning id",
        {"before": before, "limit": limit},
    )
    return len(gone)


async def held_since(database: Database, most: int) -> int | None:
    """When the oldest of the newest `most` ids was held, if there are more than those."""
    rows = await database.read_slowly(
        "select held_at from held_ids order by held_at desc limit 2 offset :last",
        {"last": most - 1},
    )
    return rows[0][0] if len(rows) > 1 else None


def delete_held_before(transaction: Transaction, before: int, limit: int) -> int:
    """Delete at most `limit` held ids that are older; how many there were."""
    gone = transaction.execute(
        "delete from held_ids where (team_id, id) in (select team_id, id from held_ids "
        "where held_at < :before order by held_at limit :limit) returning id",
        {"before": before, "limit": limit},
    )
    return len(gone)


def envelope_key(database: Database) -> bytes | None:
    rows = database.read("select secret from envelope_keys where id = 'first'")
    return rows[0][0] if rows else None


def insert_envelope_key(transaction: Transaction, secret: bytes, now: int) -> bytes:
    """Store the key unless there is one; the key that is stored then."""
    transaction.execute(
        "insert into envelope_keys (id, secret, created_at) values ('first', :secret, :now) "
        "on conflict do nothing",
        {"secret": secret, "now": now},
    )
    stored: bytes = transaction.execute("select secret from envelope_keys where id = 'first'")[0][0]
    return stored
