"""Forget Key secrets when they expire: with their Key, or after a rotation."""

from stockyard.apps.app import Job
from stockyard.apps.teams.keys import KeyRing

EVERY_SECONDS = 1.0


def expiry(keys: KeyRing) -> Job:
    async def run() -> None:
        keys.lapse()

    return Job(name="teams.expiry", every_seconds=EVERY_SECONDS, run=run)
