"""Read the two files where AWS's tools keep profiles: `~/.aws/credentials` and `~/.aws/config`.

https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
"""

import shlex
from collections.abc import Mapping
from configparser import ConfigParser, Error
from pathlib import Path

from msgspec import Struct

from stockyard.upstream.tokens.aws_keys import no_keys

MAX_FILE = 1024 * 1024
CREDENTIALS = "~/.aws/credentials"
CONFIG = "~/.aws/config"

Section = Mapping[str, str]
Sections = Mapping[str, Section]
NOTHING: Section = {}


class AwsFiles(Struct, frozen=True):
    """The sections of both files. Cannot be printed, because it holds secrets."""

    credentials: Sections = {}
    config: Sections = {}
    """Name of the profile -> its section."""
    sessions: Sections = {}
    """Name of the session -> how people sign in to it."""

    def __repr__(self) -> str:
        return "AwsFiles(***)"

    def has(self, profile: str) -> bool:
        return profile in self.credentials or profile in self.config

    def profile(self, name: str) -> Section:
        """The settings of a profile; the file of credentials overrides the other."""
        return {**self.config.get(name, NOTHING), **self.credentials.get(name, NOTHING)}


def read_files(environ: Mapping[str, str]) -> AwsFiles:
    """Read the files that can be read. Raises UpstreamError if one is malformed. Blocks."""
    credentials = environ.get("AWS_SHARED_CREDENTIALS_FILE", "").strip() or CREDENTIALS
    config = environ.get("AWS_CONFIG_FILE", "").strip() or CONFIG
    return files_of(_content(credentials), _content(config))


def files_of(credentials: bytes, config: bytes) -> AwsFiles:
    sections = _sections(config)
    profiles = _named("profile", sections)
    if "default" in sections:
        profiles.setdefault("default", sections["default"])
    return AwsFiles(_sections(credentials), profiles, _named("sso-session", sections))


def _content(path: str) -> bytes:
    try:
        with Path(path).expanduser().open("rb") as file:
            return file.read(MAX_FILE)
    except (OSError, ValueError, RuntimeError):
        # In containers often nobody has a home, or one that belongs to somebody else.
        return b""


def _sections(content: bytes) -> dict[str, Section]:
    parser = ConfigParser(interpolation=None, default_section="", strict=False)
    try:
        parser.read_string(content.decode())
    except (ValueError, Error):
        raise _unreadable() from None
    return {name: dict(parser[name]) for name in parser.sections()}


def _named(kind: str, sections: Sections) -> dict[str, Section]:
    """The sections whose heading is this word and a name, which may be in quotes."""
    found = {}
    for head, section in sections.items():
        try:
            words = shlex.split(head)
        except ValueError:
            continue
        if len(words) == 2 and words[0] == kind:
            found[words[1]] = section
    return found


def _unreadable() -> Exception:
    return no_keys("A shared file of AWS keys cannot be read.")
