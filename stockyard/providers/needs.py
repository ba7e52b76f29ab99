"""Tell what a provider needs before it can be called, in words for whoever asked for it."""

from stockyard.providers.provider import Provider


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
