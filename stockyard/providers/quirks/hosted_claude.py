"""Claude at clouds: what moves from head and path into the body, and which betas they know."""

from stockyard.providers.quirks.quirk import Body, Change, ModelTraits, without

VERTEX_VERSION = "vertex-2023-10-16"
BETAS = "anthropic_beta"
BETAS_FIELD = b"anthropic-beta"

KNOWN_BETAS = frozenset(
    {
        "computer-use-2025-01-24",
        "computer-use-2025-11-24",
        "context-1m-2025-08-07",
        "context-management-2025-06-27",
        "fine-grained-tool-streaming-2025-05-14",
        "interleaved-thinking-2025-05-14",
        "token-efficient-tools-2025-02-19",
        "tool-search-tool-2025-10-19",
        "web-search-2025-03-05",
    }
)
"""What the clouds are known to take. Any other name makes them refuse the whole call."""


def with_betas(body: Body, field: str) -> Body:
    """The body with what the caller's header field asks for."""
    given = body.get(BETAS)
    names = list(given) if isinstance(given, list) else []
    names += (name.strip() for name in field.split(",") if name.strip())
    return body | {BETAS: list(dict.fromkeys(names))}


def vertex_raw_predict(body: Body, model: ModelTraits) -> Change:
    """Vertex: the path names the model, the body the version (`wire.md` 4.6)."""
    return Change({"anthropic_version": VERTEX_VERSION} | without(body, "model"))


def beta_allow_list(body: Body, model: ModelTraits) -> Change:
    """The clouds lag behind Anthropic's own API."""
    given = body.get(BETAS)
    if not isinstance(given, list):
        return Change(body)
    kept = [name for name in given if name in KNOWN_BETAS]
    lost = tuple(f"{BETAS}:{name}" for name in given if name not in kept)
    if not lost:
        return Change(body)
    return Change(body | {BETAS: kept} if kept else without(body, BETAS), lost)
