"""Which environment variables set what, and warnings about those that set nothing."""

import re
from collections.abc import Callable, Iterator, Mapping

from stockyard.core.target import Secret
from stockyard.errors import CannotStart
from stockyard.settings.secret_file import secret_in
from stockyard.settings.sections import Proxies

NAMED: Mapping[str, tuple[str, ...]] = {
    "RAILWAY_VOLUME_MOUNT_PATH": ("server", "data_dir"),
    "DATA_DIR": ("server", "data_dir"),
    "STOCKYARD_DATA_DIR": ("server", "data_dir"),
    "PORT": ("server", "port"),
    "STOCKYARD_PORT": ("server", "port"),
    "STOCKYARD_HOST": ("server", "host"),
    "STOCKYARD_BEHIND_PROXY": ("server", "behind_proxy"),
    "DATABASE_PATH": ("storage", "database"),
    "STOCKYARD_DATABASE_URL": ("storage", "database"),
    "STOCKYARD_REDIS_URL": ("storage", "redis"),
    "STOCKYARD_LOCAL_READS": ("auth", "local_reads"),
    "STOCKYARD_BRING_YOUR_OWN": ("auth", "bring_your_own"),
    "LOG_LEVEL": ("log", "level"),
    "LOG_FORMAT": ("log", "format"),
}
"""Where two set the same, the later one here wins."""

LEVELS = {"warn": "warning"}
WRITTEN: Mapping[str, Callable[[str], str]] = {
    "DATABASE_PATH": "sqlite:{}".format,
    "LOG_LEVEL": lambda text: LEVELS.get(text.lower(), text.lower()),
    "LOG_FORMAT": str.lower,
}
"""Variables of other programs, which are spelled in other ways."""

READ_ELSEWHERE = (
    "STOCKYARD_CONFIG",
    "STOCKYARD_ADMIN_KEY",
    "STOCKYARD_PRINT_SECRETS",
    "STOCKYARD_REQUIRE_AUTH",
    "STOCKYARD_TRUST_PROXY",
    "STOCKYARD_KEY",
    "STOCKYARD_URL",
    "STOCKYARD_INHERITED",
)
RETIRED = ("STOCKYARD_LICENSE_KEY", "STOCKYARD_LICENSE", "STOCKYARD_TIER")
NOT_READ = (
    "STOCKYARD_MASTER_KEY",
    "STOCKYARD_MASTER_KEY_FILE",
    "STOCKYARD_ENCRYPTION_KEY",
    "STOCKYARD_OTEL_ENDPOINT",
)
"""Names of other versions, for which the nearest of our names would be a wrong suggestion."""
PROXY = re.compile(r"(https?://)?([^@/?#\s]*@)?(\[[0-9a-f:.]+\]|[^@/?#\s:\[\]]+)(:[0-9]{1,5})?/?")
PREFIX = "STOCKYARD__"
ADMIN_KEY_LENGTH = 32


def assignments(environ: Mapping[str, str]) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """Each variable that sets a value: its name, the place it sets, and the text."""
    for name, place in NAMED.items():
        if environ.get(name):
            yield name, place, WRITTEN.get(name, str)(environ[name])
    for name in sorted(environ):
        if name.startswith(PREFIX):
            yield name, tuple(name.removeprefix(PREFIX).split("__")), environ[name]


def admin_key(environ: Mapping[str, str]) -> Secret | None:
    """The admin credential for automation. A guessable one stops the start."""
    given = secret_in(environ, "STOCKYARD_ADMIN_KEY")
    if given is None:
        return None
    if len(given) < ADMIN_KEY_LENGTH or given != given.strip() or not given.isascii():
        raise CannotStart(
            78,
            "STOCKYARD_ADMIN_KEY must be at least 32 ASCII characters without spaces around them. "
            "Unset it to let Stockyard make one.",
        )
    return Secret(given)


def proxies(environ: Mapping[str, str]) -> Proxies:
    def either(name: str) -> str:
        return secret_in(environ, name) or secret_in(environ, name.lower()) or ""

    https, http = either("HTTPS_PROXY"), either("HTTP_PROXY")
    return Proxies(
        https=Secret(https) if https else None,
        http=Secret(http) if http else None,
        no_proxy=tuple(part.strip() for part in either("NO_PROXY").split(",") if part.strip()),
        ca_file=environ.get("SSL_CERT_FILE", ""),
    )


def refuse_switches(environ: Mapping[str, str]) -> None:
    """Refuse switches of earlier versions that would disable protections."""
    if environ.get("STOCKYARD_REQUIRE_AUTH", "true").lower() in ("false", "0", "no", "off"):
        raise CannotStart(78, "STOCKYARD_REQUIRE_AUTH: authentication cannot be switched off.")
    if "STOCKYARD_TRUST_PROXY" in environ:
        raise CannotStart(
            78,
            "STOCKYARD_TRUST_PROXY is gone: name the proxy's network in STOCKYARD_BEHIND_PROXY, "
            "such as 10.0.0.0/8.",
        )


def warnings(environ: Mapping[str, str]) -> Iterator[str]:
    found = proxies(environ)
    for name, proxy in (("HTTPS_PROXY", found.https), ("HTTP_PROXY", found.http)):
        if proxy is not None and not PROXY.fullmatch(proxy.reveal()):
            yield f"{name} is not an http:// or https:// address: providers cannot be reached."
    known = (*NAMED, *READ_ELSEWHERE)
    for name in sorted(environ):
        if name in RETIRED:
            yield f"{name} is ignored: there are no licences."
        elif name in NOT_READ:
            yield f"{name} is not read by this version."
        elif name.startswith("STOCKYARD_") and not name.startswith(PREFIX) and name not in known:
            yield f"{name} is not a setting.{did_you_mean(name, known)}"


def did_you_mean(word: str, known: tuple[str, ...]) -> str:
    import difflib

    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    close = close or [name for name in known if name.lower() == word.lower()]
    return f' Did you mean "{close[0]}"?' if close else ""
