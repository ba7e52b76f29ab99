"""What is said when the gateway is ready: where it is, who answers, and what to type next.

Secrets are shown to a terminal, once. Elsewhere they are written into a file that only we can read,
and the line in the log names that file.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from stockyard import __version__
from stockyard.core.target import Credential
from stockyard.errors import CannotStart
from stockyard.gateway.endpoints import CHATS
from stockyard.process.age import seconds_since_exec
from stockyard.process.logs.lines import Event
from stockyard.providers import catalog
from stockyard.settings import is_loopback

if TYPE_CHECKING:
    from stockyard.app import Stockyard

NOTE = "first-run.txt"
HOME_FOLDER = Path("~/.stockyard")
COLUMN = 55
"""Where remarks begin, after a value that is not longer."""
EXAMPLE_MODELS = ("gpt-4o-mini", "claude-haiku-4-5", "gemini-2.5-flash", "llama-3.3-70b-versatile")
"""Small models that many people know; the first that somebody serves is in the line to try."""
MOCK_MODEL = "mock"
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
    providers: tuple[Found, ...] = ()
    suggested: tuple[str, ...] = ()
    """Variables that would bring a provider."""
    known_providers: int = 0
    model: str = MOCK_MODEL
    """What to try."""
    mock: bool = True
    trial: bool = True
    """The mock provider answers for every model."""
    dialects: tuple[str, ...] = ()
    """Whose clients may call."""
    local_reads: bool = True
    """Whoever runs the server may read without a credential."""
    chat_models: int = 0
    """How many the price list knows at the providers that can be called."""
    config_version: int = 1
    key: str | None = None
    admin: str | None = None
    admin_given: bool = False

    @classmethod
    def of(cls, stockyard: "Stockyard", address: str) -> "Welcome":
        settings, directory = stockyard.settings, stockyard.directory
        made = stockyard.first_run
        providers = tuple(
            Found(one.name, source_of(directory.credentials(one.name)))
            for one in directory.configured()
        )
        # The catalog is read once more for their names, at the first start only.
        wanted = made.key is not None and not providers
        variables = [one.env[0] for one in catalog.load() if one.env] if wanted else []
        served = (name for name in EXAMPLE_MODELS if directory.targets(name, "chat"))
        open_to_all = not is_loopback(settings.server.host) or settings.server.behind_proxy
        return cls(
            address=address,
            seconds=seconds_since_exec(),
            folder=stockyard.folder.path,
            providers=providers,
            suggested=tuple(variables[:SUGGESTED]),
            known_providers=len(variables),
            model=next(served, MOCK_MODEL),
            mock=settings.mock.enabled,
            trial=directory.trial,
            dialects=tuple(dict.fromkeys(chat.format.partition(".")[0] for chat in CHATS)),
            local_reads=settings.auth.local_reads == "same_user" and not open_to_all,
            chat_models=sum(
                kind == "chat"
                for p in providers
                for kind in stockyard.prices.models(p.name).values()
            ),
            config_version=stockyard.line.config_version,
            key=made.key,
            admin=made.admin,
            admin_given=settings.admin_key is not None,
        )

    @classmethod
    def before_it_is_ready(
        cls, stockyard: "Stockyard", key: str | None, admin: str | None
    ) -> "Welcome":
        """What a note needs, while nothing else is known yet."""
        return cls(
            address=f"http://127.0.0.1:{stockyard.settings.server.port}",
            seconds=0.0,
            folder=stockyard.folder.path,
            key=key,
            admin=admin,
        )

    @property
    def note(self) -> Path:
        """The file with the secrets of the first start."""
        return self.folder / NOTE

    @property
    def headline(self) -> str:
        return f"Stockyard {__version__} is ready ({self.seconds:.2f} s)"


def for_terminal(w: Welcome, *, with_secrets: bool = True) -> str:
    """At most twenty lines, and fewer after the first start."""
    lines = [w.headline, ""]
    lines += first_rows(w) if w.key and with_secrets else later_rows(w, with_secrets=with_secrets)
    return "\n".join(lines) + "\n\n"


def ready_event(w: Welcome) -> Event:
    """The same for programs, without secrets."""
    detail: dict[str, Any] = {
        "version": __version__,
        "address": w.address,
        "ms": round(w.seconds * 1000),
        "data": str(w.folder),
        "providers": [provider.name for provider in w.providers] or (["mock"] if w.mock else []),
    }
    if w.note.exists():
        detail["first_run"] = str(w.note)
    elif not w.key:
        detail["hint"] = f"Keys are made with: {ANOTHER_KEY}"
    return Event.now("ready", f"Stockyard {__version__} is ready.", **detail)


def secrets_line(w: Welcome, *, json: bool) -> str:
    """The secrets in the log, because STOCKYARD_PRINT_SECRETS asks for it."""
    warning = "STOCKYARD_PRINT_SECRETS is set, so this log holds secrets. Keep it to yourself."
    event = Event.now("first_run", warning, "warning")
    if json:
        made = {"key": w.key, "admin": w.admin}
        return msgspec.json.encode(event.facts() | made).decode() + "\n"
    made_rows = "".join(f"  {row}\n" for row in secret_rows(w))
    return f"{event.text()}\n{made_rows}"


def write_note(w: Welcome) -> None:
    """Leave the secrets in a file for us alone. Raises CannotStart (73)."""
    text = "\n".join(
        [
            "Stockyard made these when it first started. Store them, then delete this file.",
            "",
            *(row.rstrip() for row in secret_rows(w)),
            "",
            *curl(w.address, w.key or "sk-sy-...", w.model),
            "",
        ]
    )
    # An earlier note is replaced at one stroke: until then it is the only copy of the secrets.
    unfinished = w.note.with_suffix(".new")
    try:
        unfinished.unlink(missing_ok=True)
        opened = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(opened, "w") as file:
            file.write(text)
        unfinished.replace(w.note)
    except OSError as error:
        raise CannotStart(
            73, f"Cannot write {w.note}: {error.strerror}. Make the folder writable."
        ) from error


def first_rows(w: Welcome) -> list[str]:
    told = provider_rows(w)
    data = f" --data {w.folder}" if w.folder != HOME_FOLDER.expanduser() else ""
    key = w.key or ""
    look = [f'curl "{w.address}/api/lookout/traces?limit=1"']
    if not w.local_reads:
        look = [look[0] + " \\", f'  -H "Authorization: Bearer {key}"']
    rows = [
        row("Endpoint", f"{w.address}/v1", f"{', '.join(w.dialects)} formats and /{{provider}}/…"),
        *secret_rows(w),
        row("Data", shown(w.folder)),
        *block("Providers", told),
        "",
        *block("Try it", curl(w.address, key, w.model)),
        *block("Look", look),
        row(
            "Next",
            f"stockyard doctor{data} · stockyard logs -f{data} · stockyard modules list{data}",
        ),
        row("Stop", "Ctrl-C"),
    ]
    return [f"  {one}".rstrip() for one in rows]


def later_rows(w: Welcome, *, with_secrets: bool) -> list[str]:
    rows = [
        row("Endpoint", f"{w.address}/v1", f"control plane: {w.address}/api"),
        *block("Providers", [short_providers(w)]),
        row("Data", shown(w.folder), f"config version {w.config_version}"),
    ]
    if w.admin and with_secrets:
        rows += secret_rows(w)
    elif w.note.exists():
        rows.append(row("Your Key", shown(w.note), "store it, then delete the file"))
    else:
        rows.append(row("Your Key", "was made at the first start", f"another: {ANOTHER_KEY}"))
    return [f"  {one}".rstrip() for one in rows]


def secret_rows(w: Welcome) -> list[str]:
    rows = []
    if w.key:
        rows.append(row("Your Key", w.key, "shown once · no limit set"))
    if w.admin:
        rows.append(row("Admin", w.admin, "shown once · opens /api, not for programs"))
    elif w.admin_given:
        rows.append(row("Admin", "STOCKYARD_ADMIN_KEY", "as given; opens /api"))
    return rows


def provider_rows(w: Welcome) -> list[str]:
    if w.providers:
        named = ", ".join(f"{one.name} ({one.source})" for one in w.providers if one.source)
        bare = ", ".join(one.name for one in w.providers if not one.source)
        rows = [", ".join(part for part in (named, bare) if part) + ": nothing called, not stored"]
        if w.chat_models:
            rows.append(f"{w.chat_models} chat models by price list: stockyard models")
        if w.mock:
            rows.append(f'Costs nothing to try: the same curl with "model":"{MOCK_MODEL}"')
        return rows
    first, *others = w.suggested or ("a provider's variable",)
    more = f" (or {', '.join(others)}, … {w.known_providers} in all)" if others else ""
    real = f"To use a real one: set {first}{more} and restart."
    if w.trial:
        mock = "none found, so the mock provider answers: everything works without an account."
        return [mock, real]
    if w.mock:
        return [f'none found. Only the model "{MOCK_MODEL}" answers, without an account.', real]
    return ["none found, so no call can be answered.", real]


def short_providers(w: Welcome) -> str:
    if w.providers:
        return ", ".join(one.name for one in w.providers)
    return "none; mock answers" if w.mock else "none"


def curl(address: str, key: str, model: str) -> list[str]:
    return [
        f"curl {address}/v1/chat/completions \\",
        f'  -H "Authorization: Bearer {key}" -H "Content-Type: application/json" \\',
        f"""  -d '{{"model":"{model}","messages":[{{"role":"user","content":"hello"}}]}}'""",
    ]


def row(name: str, value: str, remark: str = "") -> str:
    return f"{name:<11}{value:<{COLUMN}} {remark}" if remark else f"{name:<11}{value}"


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
