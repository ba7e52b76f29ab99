"""Values kept in files of their own: `file:/run/secrets/openai` in place of the secret."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from stockyard.errors import CannotStart

MAX_BYTES = 64 << 10
SCHEME = "file:"
WHOLE = 'needs a whole path after "file:", such as file:/run/secrets/key'


def names_a_file(value: str) -> bool:
    return value.startswith(("file:/", "file:~"))


def content(reference: str) -> str:
    """What the file holds, stripped. Raises ValueError, which says what is wrong."""
    name = reference.removeprefix(SCHEME)
    if not names_a_file(reference):
        raise ValueError(WHOLE)
    try:
        with Path(name).expanduser().open("rb") as file:
            return file.read(MAX_BYTES).decode().strip()
    except (OSError, RuntimeError, UnicodeDecodeError):  # RuntimeError: a home that nobody has
        raise ValueError(f"the file {name} cannot be read") from None


def secret_in(environ: Mapping[str, str], name: str) -> str | None:
    """The variable, or what is in the file that it names. Raises CannotStart."""
    value = environ.get(name)
    if value is None or not value.startswith(SCHEME):
        return value
    try:
        return content(value)
    except ValueError as error:
        raise CannotStart(78, f"{name} {error}.") from None


def with_secrets(environ: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """The environment with these variables as `secret_in` reads them. Raises CannotStart."""
    read = {name: secret_in(environ, name) for name in names if name in environ}
    return {**environ, **{name: value for name, value in read.items() if value is not None}}
