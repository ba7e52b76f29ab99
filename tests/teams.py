"""Callers of more than one team: Keys themselves are all of one."""

from msgspec.structs import replace

from stockyard.apps.teams.secret import fingerprint
from stockyard.testing.yard import Yard


async def another_team(yard: Yard) -> dict[str, str]:
    """The header fields of a caller of another team."""
    await yard.open()
    _, secret = await yard.stockyard.keys.create("theirs")
    digest = fingerprint(secret.encode())
    _, caller = yard.stockyard.keys._callers[digest]
    yard.stockyard.keys._callers[digest] = digest, replace(caller, team_id="theirs")
    return {"authorization": f"Bearer {secret}"}
