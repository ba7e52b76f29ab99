"""Explain what a provider needs before it can be called."""

from stockyard.providers.provider import CHAT_LIKE, Provider


def needs_of(provider: Provider) -> str:
    """Of a provider that cannot be called as it is."""
    section = f"`[providers.{provider.name}]`"
    if provider.missing:
        missing = ", ".join(f"{name} = ..." for name in provider.missing)
        return f"Its section {section} of the config file needs `settings = {{ {missing} }}`."
    if "none" in provider.auth:
        return f"Name it in the config file ({section}) and restart."
    variable = next((name for _, names in provider.variables() for name in names), None)
    if variable is None:
        return f"Give it an `api_key` in its section {section} of the config file."
    return f"Set {variable} and restart."


def own_way_of(provider: Provider, needs: str, model: str) -> str:
    """The native path that takes such calls in a format we do not translate; empty if there is
    none."""
    offered = [*provider.speaks.values()] if needs in CHAT_LIKE else [provider.endpoints.get(needs)]
    entry = next(filter(None, offered), None)
    if entry is None:
        return ""
    path = entry.path_for(model.removeprefix(f"{provider.name}/"))
    return f" It takes them in a format of its own, at '/{provider.name}{path}'."
