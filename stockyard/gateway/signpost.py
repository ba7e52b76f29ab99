"""Suggest the path that was probably meant by one that does not exist.

Paths are compared literally: an extra slash, another case or an extra piece in a base URL match
nothing (`security.md` HS09). The refusal then names the path that exists.
"""

import re
from difflib import get_close_matches

from stockyard.gateway.endpoints import DATA_PLANE, UNIFIED, Endpoint, Native, find

LONGEST = 200
"""The longest path that is looked at. A longer one is not a typo."""
ALIKE = 0.85

_SLASHES = re.compile(r"/{2,}")
_SPELLED_OUT = [path for path in UNIFIED if path.startswith(DATA_PLANE) and path.count("/v1") < 2]
_OLLAMA = frozenset(f"/api/{call}" for call in ("chat", "generate", "embed", "show", "tags"))
"""Paths of Ollama's clients at the root of a host, where our control plane has nothing."""
_ANYWHERE = ("/chat/completions",)
"""Ends of paths that identify what is meant."""
_NOWHERE = (
    "There is nothing at this path. What only one provider has stands below its name, as in "
    "/openai/v1/assistants. A base URL ends in /v1 for clients of OpenAI, in /ollama for those of "
    "Ollama, and in nothing for those of Anthropic and Google."
)


def _no_provider(provider: str, rest: str, method: str) -> Endpoint | None:
    return None


def meant_by(path: str, native: Native = _no_provider) -> str | None:
    """The path that was probably meant by one that does not exist; None if there is no guess.

    `native` looks up the paths below the names of providers.
    """
    if len(path) > LONGEST:
        return None
    plain = _SLASHES.sub("/", path).rstrip("/")
    if plain in _OLLAMA:
        return f"/ollama{plain}"
    for spelled in (plain, plain.lower()):
        if _leads(spelled, native):
            return spelled
    for beginning in DATA_PLANE:
        at = plain.rfind(beginning)
        if at > 0 and _leads(plain[at:]):
            return plain[at:]
    for end in _ANYWHERE:
        if plain.endswith(end):
            return f"/v1{end}"
    if not path.startswith(DATA_PLANE):
        return None
    return _alike(plain)


def words(meant: str | None) -> str:
    return _NOWHERE if meant is None else f"There is nothing at this path. Did you mean {meant}?"


def _alike(path: str) -> str | None:
    """A known path that continues this one, or has nearly the same spelling."""
    version, _, rest = path[1:].partition("/")
    there = [known for known in _SPELLED_OUT if rest and known.startswith(f"/{version}/")]
    longer = (known for known in there if known.startswith(f"{path}/"))
    return next(longer, None) or next(iter(get_close_matches(path, there, 1, ALIKE)), None)


def _leads(path: str, native: Native = _no_provider) -> bool:
    return find(path, "POST", native) is not None
