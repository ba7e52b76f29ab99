"""The welcome when the gateway is ready: its address, its providers, and what to try next.

Secrets are shown to a terminal, once. Elsewhere they are in a note (`note.py`), and the line in the
log names that file.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from stockyard import __version__
from stockyard.app import Stockyard
from stockyard.core.target import Credential
from stockyard.gateway.endpoints import CHATS
from stockyard.process.age import seconds_since_exec
from stockyard.process.logs.lines import Event
from stockyard.process.note import MOCK_MODEL, NOTE, FirstRun, curl, row, write_note
from stockyard.providers import catalog
from stockyard.settings import is_loopback

HOME_FOLDER = Path("~/.stockyard")
ANOTHER_KEY = "stockyard keys create NAME"
SUGGESTED = 3
"""Variables that are named when there is no provider."""


class Found(Struct, frozen=True):
    """A provider that can be called, and where its secret came from."""

    name: str
    source: str = ""


class Welcome(Struct, frozen=True, kw_only=True):
    """Everything there is to say."""

    address: str
    seconds: float
    folder: Path
    providers: tuple[Found, ...]
    suggested: tuple[str, ...]
    """Variables that would bring a provider."""
    known_providers: int
    model: str
    """What to try."""
    mock: bool
    trial: bool
    """The mock provider answers for every model."""
    dialects: tuple[str, ...]
    """Whose clients may call."""
    local_reads: bool
    """The server's own user may read without a credential."""
    chat_models: int
    """How many the price list knows at the providers that can be called."""
    config_version: int
    made: FirstRun

    @classmethod
    def of(cls, stockyard: Stockyard, address: str) -> "Welcome":
        settings, directory = stockyard.settings, stockyard.reach.directory
        made = stockyard.first_run
        providers = tuple(
            Found(one.name, source_of(directory.credentials(one.name)))
            for one in directory.configured()
        )
        # The catalog is read once more for their names, at the first start only.
        wanted = made.key is not None and not providers
        variables = [one.env[0] for one in catalog.load() if one.env] if wanted else []
        open_to_all = not is_loopback(settings.server.host) or settings.server.behind_proxy
        return cls(
            address=address,
            seconds=seconds_since_exec(),
            folder=stockyard.folder.path,
            providers=providers,
            suggested=tuple(variables[:SUGGESTED]),
            known_providers=len(variables),
            model=stockyard.reach.example_model(),
            mock=settings.mock.enabled,
            trial=directory.trial,
            dialects=tuple(dict.fromkeys(chat.format.partition(".")[0] for chat in CHATS)),
            local_reads=settings.auth.local_reads == "same_user" and not open_to_all,
            chat_models=sum(
                kind == "chat"
                for provider in providers
                for kind in stockyard.reach.prices.models(provider.name).values()
            ),
            config_version=stockyard.line.config_version,
            made=made,
        )

    @property
    def note(self) -> Path:
        """The file with the secrets of the first start."""
        return self.folder / NOTE

    def write_note(self) -> None:
        """Leave the secrets in a file, with the address and a model that answers."""
        write_note(self.folder, self.made, self.address, self.model)

    def for_terminal(self, *, with_secrets: bool) -> str:
        """At most twenty lines, and fewer after the first start."""
        headline = f"Stockyard {__version__} is ready ({self.seconds:.2f} s)"
        first = self.made.key if with_secrets else None
        rows = self._first_rows(first) if first else self._later_rows(with_secrets=with_secrets)
        return "\n".join([headline, "", *(f"  {line}".rstrip() for line in rows)]) + "\n\n"

    def event(self) -> Event:
        """The same for programs, without secrets."""
        names = [provider.name for provider in self.providers]
        detail: dict[str, Any] = {
            "version": __version__,
            "address": self.address,
            "ms": round(self.seconds * 1000),
            "data": str(self.folder),
            "providers": names or (["mock"] if self.mock else []),
        }
        if self.note.exists():
            detail["first_run"] = str(self.note)
        elif not self.made.key:
            detail["hint"] = f"Keys are made with: {ANOTHER_KEY}"
        return Event.now("ready", f"Stockyard {__version__} is ready.", **detail)

    def secrets_line(self, *, json: bool) -> str:
        """The secrets in the log, because STOCKYARD_PRINT_SECRETS asks for it."""
        warning = "STOCKYARD_PRINT_SECRETS is set, so this log holds secrets. Keep it to yourself."
        event = Event.now("first_run", warning, "warning")
        if json:
            made = {"key": self.made.key, "admin": self.made.admin}
            return msgspec.json.encode(event.facts() | made).decode() + "\n"
        rows = "".join(f"  {line}\n" for line in self.made.rows())
        return f"{event.text()}\n{rows}"

    def _first_rows(self, key: str) -> list[str]:
        data = f" --data {self.folder}" if self.folder != HOME_FOLDER.expanduser() else ""
        formats = f"{', '.join(self.dialects)} formats and /{{provider}}/…"
        look = [f'curl "{self.address}/api/lookout/traces?limit=1"']
        if not self.local_reads:
            look = [look[0] + " \\", f'  -H "Authorization: Bearer {key}"']
        return [
            row("Endpoint", f"{self.address}/v1", formats),
            *self.made.rows(),
            row("Data", shown(self.folder)),
            *block("Providers", self._provider_rows()),
            "",
            *block("Try it", curl(self.address, key, self.model)),
            *block("Look", look),
            row(
                "Next",
                f"stockyard doctor{data} · stockyard logs -f{data} · stockyard modules list{data}",
            ),
            row("Stop", "Ctrl-C"),
        ]

    def _later_rows(self, *, with_secrets: bool) -> list[str]:
        rows = [
            row("Endpoint", f"{self.address}/v1", f"control plane: {self.address}/api"),
            row("Providers", self._short_providers()),
            row("Data", shown(self.folder), f"config version {self.config_version}"),
        ]
        if self.made.admin and with_secrets:
            return [*rows, *self.made.rows()]
        if self.note.exists():
            return [*rows, row("Your Key", shown(self.note), "store it, then delete the file")]
        return [*rows, row("Your Key", "was made at the first start", f"another: {ANOTHER_KEY}")]

    def _provider_rows(self) -> list[str]:
        if self.providers:
            return list(self._found_rows())
        first, *others = self.suggested or ("a provider's variable",)
        more = f" (or {', '.join(others)}, … {self.known_providers} in all)" if others else ""
        real = f"To use a real one: set {first}{more} and restart."
        if self.trial:
            mock = "none found, so the mock provider answers: everything works without an account."
            return [mock, real]
        if self.mock:
            return [f'none found. Only the model "{MOCK_MODEL}" answers, without an account.', real]
        return ["none found, so no call can be answered.", real]

    def _found_rows(self) -> Iterator[str]:
        named = ", ".join(f"{one.name} ({one.source})" for one in self.providers if one.source)
        bare = ", ".join(one.name for one in self.providers if not one.source)
        yield ", ".join(part for part in (named, bare) if part) + ": nothing called, not stored"
        if self.chat_models:
            yield f"{self.chat_models} chat models by price list: stockyard models"
        if self.mock:
            yield f'Costs nothing to try: the same curl with "model":"{MOCK_MODEL}"'

    def _short_providers(self) -> str:
        if self.providers:
            return ", ".join(one.name for one in self.providers)
        return "none; mock answers" if self.mock else "none"


def block(name: str, lines: list[str]) -> list[str]:
    return [row(name if index == 0 else "", line) for index, line in enumerate(lines)]


def shown(path: Path) -> str:
    """The path as people write it."""
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)


def source_of(credentials: tuple[Credential, ...]) -> str:
    """Where a Credential came from: the variable, or the config file."""
    if not credentials:
        return ""
    kind, _, name = credentials[0].id.partition(":")
    return name if kind == "env" else "config file"
