"""This machine: its Python, its limits, its clock and its zones."""

import os
import platform
import resource
import time
import zoneinfo
from collections.abc import Iterator, Mapping

from stockyard.cli.checks.check import Check

FEW_FILES = 4_096
YEAR_OF_RELEASE = 2026
PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY")


def machine(environ: Mapping[str, str]) -> Iterator[Check]:
    yield python()
    yield files()
    yield clock()
    yield zones()
    yield user()
    yield proxies(environ)


def python() -> Check:
    import apsw

    found = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    return Check("python", "ok", f"{found}, SQLite {apsw.sqlite_lib_version()}")


def files() -> Check:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = most == resource.RLIM_INFINITY
    title = f"files at once: {'no limit' if unlimited else f'{most:,}'}"
    if unlimited or most >= FEW_FILES:
        return Check("files", "ok", title)
    return Check("files", "warn", title, "ulimit -Hn 65536, or LimitNOFILE= of the service")


def clock() -> Check:
    now = time.gmtime()
    title = f"clock: {time.strftime('%Y-%m-%d %H:%M:%S', now)} UTC"
    if now.tm_year >= YEAR_OF_RELEASE:
        return Check("clock", "ok", title)
    return Check("clock", "fail", title, "Set the clock: certificates cannot be checked.")


def zones() -> Check:
    try:
        zoneinfo.ZoneInfo("Europe/Berlin")
    except zoneinfo.ZoneInfoNotFoundError:
        return Check("zones", "info", "no time zone data here", "Install tzdata.")
    return Check("zones", "ok", f"time zone {time.tzname[0]}, zone data present")


def user() -> Check:
    if os.geteuid() != 0:
        return Check("user", "ok", "not running as root")
    return Check("user", "warn", "running as root", "Use an ordinary user.")


def proxies(environ: Mapping[str, str]) -> Check:
    found = [name for name in PROXIES if environ.get(name) or environ.get(name.lower())]
    if found:
        # Their values may hold a password.
        return Check("proxies", "info", f"providers are called by {', '.join(found)}")
    return Check("proxies", "ok", "no outbound proxy")
