"""The grid as a page: which client does what, over which provider, and why not.

`make clients` plays everything and keeps it in `docs/clients.md`.
"""

from collections.abc import Iterable, Mapping

from tests.clients.grid.harness import Outcome
from tests.clients.grid.place import version
from tests.clients.grid.programs import PROGRAMS, Program, Runtime
from tests.clients.grid.scenarios import SCENARIOS

Played = Mapping[tuple[str, str], Mapping[str, Outcome]]
"""Client and format of the provider -> outcomes by scenario."""

RUNTIMES: Mapping[Runtime, str] = {
    "python": "Python",
    "node": "Node",
    "go": "Go",
    "agent": "Command line",
}

OPENING = """# Clients

Written by `make clients`: real programs, changed in nothing but base URL and key, call a running
gateway. Behind it stands a provider that plays along, on a real socket, in the format named in the
second column. Where client and provider speak the same format the bytes pass; elsewhere they are
translated. A dash means that the client has nothing of the kind.

The clients that `make test` runs are in `tests/clients`; this is the wide grid, in
`tests/clients/grid`.
"""

KNOWN = """## What to know

- **Mistral's library** takes a streamed tool call in one piece only, as Mistral itself sends it.
  Other providers send pieces. With the base URL `.../mistral` it hears Mistral's own bytes.
- **Cohere's library** has no word for an error inside a stream. A stream that breaks ends with the
  finish `ERROR`.
- **Vercel's `openai()`** refers to earlier items by the ids under which OpenAI keeps them. Behind
  any other format tell it not to: `providerOptions: { openai: { store: false } }`.
- **Claude Code** asks again, without streaming, when a stream breaks: that is a second call.
"""


def page(played: Played) -> str:
    return "\n".join([OPENING, *_table(played), *_versions(), KNOWN])


def failures(played: Played) -> list[str]:
    return [
        f"{client} over {upstream}: {scenario}: {outcome.wrong}"
        for (client, upstream), outcomes in played.items()
        for scenario, outcome in outcomes.items()
        if outcome.wrong is not None
    ]


def _table(played: Played) -> Iterable[str]:
    titles = [scenario.title for scenario in SCENARIOS]
    yield _line("client", "provider", *titles)
    yield _line("---", "---", *[":-:"] * len(titles))
    for program in PROGRAMS:
        for upstream in program.upstreams:
            outcomes = played.get((program.name, upstream))
            if outcomes is None:
                continue
            cells = [outcomes[scenario.name].word for scenario in SCENARIOS]
            yield _line(program.name, f"`{upstream}`", *cells)
    yield ""


def _versions() -> Iterable[str]:
    yield "## Versions\n"
    for runtime, title in RUNTIMES.items():
        packages = sorted({(p.installed_as, p.place) for p in PROGRAMS if p.runtime == runtime})
        told = ", ".join(f"{name} {version(runtime, place, name)}" for name, place in packages)
        yield f"- {title}: {told}"
    yield ""


def _line(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def everything() -> Iterable[tuple[Program, str]]:
    return ((program, upstream) for program in PROGRAMS for upstream in program.upstreams)
