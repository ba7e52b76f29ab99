"""The server: whether it runs, or could, and what it says of itself."""

from collections.abc import Iterator
from typing import Any

from stockyard.cli.asking import Server
from stockyard.cli.checks.check import Check
from stockyard.cli.failure import VerbError
from stockyard.errors import CannotStart, InvalidConfig
from stockyard.settings import Settings


def running_process(server: Server) -> Iterator[Check]:
    """Asked through the control socket."""
    status, answer = server.probe("/readyz")
    reasons = ", ".join(answer.get("reasons", ())) or answer.get("state", "")
    if status == 200:
        yield Check("server", "ok" if answer["state"] == "ok" else "warn", f"running: {reasons}")
    else:
        yield Check("server", "warn", f"running, but wants no traffic: {reasons}")
    try:
        yield from modules(server.get("/api/chute/modules"))
        yield providers(server.get("/api/chute/providers"))
    except VerbError as error:
        yield Check("api", "fail", f"the control plane does not answer: {error.message}")


def modules(answer: Any) -> Iterator[Check]:
    found = answer["modules"]
    switched_on = sum(module["enabled"] for module in found)
    yield Check("modules", "ok", f"{len(found)} modules, {switched_on} on")
    for module in found:
        if module["state"] not in ("on", "off", "idle"):
            fix = f"stockyard modules show {module['name']}"
            yield Check(f"modules.{module['name']}", "warn", module["state"], fix)


def providers(answer: Any) -> Check:
    ready = [one["name"] for one in answer["providers"] if one["credentials"]]
    if ready:
        return Check("providers", "ok", f"providers: {', '.join(ready)}")
    return no_provider()


def stopped_process(settings: Settings, environ: dict[str, str]) -> Iterator[Check]:
    """What can be said without a server."""
    yield Check("server", "info", "not running", "stockyard")
    yield port(settings)
    yield configured_modules(settings)
    yield found_credentials(settings, environ)


def port(settings: Settings) -> Check:
    from stockyard.gateway.server import bind
    from stockyard.process.listening import port_taken, server_settings_of

    where = f"{settings.server.host}:{settings.server.port}"
    try:
        bind(server_settings_of(settings)).close()
    except CannotStart as error:
        taken = error.exit_code == 69 and settings.server.port
        title = port_taken(settings.server.port) if taken else error.message
        return Check("port", "fail", title)
    return Check("port", "ok", f"port {where}: free")


def configured_modules(settings: Settings) -> Check:
    """The modules that the config file names, and their Configs."""
    from stockyard.gateway.line import read_config
    from stockyard.modules import ALIASES, CATALOG
    from stockyard.process import custommodules

    try:
        custom = custommodules.load(settings.modules_dir)
    except CannotStart as error:
        return Check("modules", "fail", error.message)
    classes = {module.name: module for module in (*CATALOG, *custom)}
    for name, section in settings.modules.items():
        real, preset = ALIASES.get(name, (name, {}))
        if real not in classes:
            return Check("modules", "fail", f'modules.{name}: there is no module "{name}"')
        try:
            read_config(classes[real], {**preset, **section.config})
        except InvalidConfig as error:
            where = f"modules.{name}" + (f".{error.path}" if error.path else "")
            return Check("modules", "fail", f"{where}: {error.message}", "Correct the config file.")
    return Check("modules", "ok", f"{len(classes)} modules, {len(settings.modules)} in the file")


def found_credentials(settings: Settings, environ: dict[str, str]) -> Check:
    from stockyard.configured import variables_of
    from stockyard.providers import catalog
    from stockyard.providers.credentials import held_from_environment
    from stockyard.settings.secret_file import with_secrets

    try:
        known = catalog.load({}, environ)
        held = held_from_environment(known, with_secrets(environ, variables_of(known)))
    except CannotStart as error:
        return Check("providers", "fail", error.message)
    found = {one.credential.provider: one.credential.id.partition(":")[2] for one in held}
    found |= {name: "file" for name, one in settings.providers.items() if one.api_key}
    if not found:
        return no_provider()
    named = ", ".join(f"{name} ({source})" for name, source in found.items())
    return Check("providers", "ok", f"providers: {named}")


def no_provider() -> Check:
    fix = "Set a provider's variable and restart."
    return Check("providers", "info", "providers: none, the mock provider answers", fix)
