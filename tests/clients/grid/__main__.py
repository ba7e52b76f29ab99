"""Play the grid: `python -m tests.clients.grid [--out PAGE] [--only PART OF A CLIENT'S NAME]`."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.clients.grid.harness import Outcome, run
from tests.clients.grid.page import Played, everything, failures, page
from tests.clients.grid.place import MISSING, absent, installed

AT_ONCE = 2


async def play(only: str) -> Played:
    """Two at a time, for most of it is waiting for programs to start."""
    free = asyncio.Semaphore(AT_ONCE)
    played: dict[tuple[str, str], dict[str, Outcome]] = {}

    async def one(name: str, upstream: str) -> None:
        async with free:
            with tempfile.TemporaryDirectory() as folder:
                program = next(p for p, _ in everything() if p.name == name)
                played[name, upstream] = await run(program, upstream, Path(folder))
        words = " ".join(f"{n}:{o.word}" for n, o in played[name, upstream].items() if o.wrong)
        sys.stderr.write(f"{name} over {upstream}: {words or 'ok'}\n")

    chosen = []
    for program, upstream in everything():
        if only not in program.name:
            continue
        if (reason := absent(program.runtime)) is not None:
            sys.stderr.write(f"{program.name} over {upstream}: not played, {reason}\n")
            continue
        chosen.append((program.name, upstream))
    await asyncio.gather(*(one(name, upstream) for name, upstream in chosen))
    return played


def main() -> int:
    asked = argparse.ArgumentParser()
    asked.add_argument("--out", type=Path)
    asked.add_argument("--only", default="")
    told = asked.parse_args()
    if not installed():
        sys.exit(f"The grid {MISSING}.")
    played = asyncio.run(play(told.only))
    written = page(played)
    sys.stdout.write(written)
    if told.out is not None:
        told.out.write_text(written)
    wrong = failures(played)
    sys.stderr.write("\n".join(wrong) + "\n" if wrong else "")
    return 1 if wrong else 0


sys.exit(main())
