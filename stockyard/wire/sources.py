"""The URL and title of a cited source."""

from collections.abc import Mapping
from typing import Any


def address_of(citation: Any) -> tuple[str, str] | None:
    """Its address and its title; None for a source that has no address.

    Formats put the address into `url`, into `source` where a client gave it with the text, or into
    the place that they call a location on the web.
    """
    citation = unwrapped(citation)
    if not isinstance(citation, Mapping):
        return None
    url = citation.get("url") or _on_the_web(citation.get("location"))
    if url is None and str(citation.get("source")).startswith(("https://", "http://")):
        url = citation["source"]
    if not isinstance(url, str):
        return None
    title = citation.get("title")
    return url, title if isinstance(title, str) and title else url


def unwrapped(citation: Any) -> Any:
    """A citation whose fields stand side by side: chat puts them into an object of their own."""
    return citation["url_citation"] if is_wrapped(citation) else citation


def is_wrapped(citation: Any) -> bool:
    """Whether it is a citation in the words of chat."""
    return isinstance(citation, Mapping) and isinstance(citation.get("url_citation"), Mapping)


def _on_the_web(location: Any) -> Any:
    web = location.get("web") if isinstance(location, Mapping) else None
    return web.get("url") if isinstance(web, Mapping) else None
