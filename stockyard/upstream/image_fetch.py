"""Fetch the images that a request names by URL, for providers that take only bytes.

Callers choose these URLs, so the guard's rules for users apply: HTTPS on its own port, public
addresses only, each checked when connecting, and no redirects. The content must be an image by its
first bytes. It is kept for one try and no longer.
"""

import asyncio
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from typing import Literal
from weakref import WeakValueDictionary

from msgspec.structs import replace

from stockyard.core.messages import AnyPart, Image, Message, ToolResult
from stockyard.core.request import Content, Request
from stockyard.errors import EgressDenied, Refused, UpstreamError
from stockyard.upstream.client import Client, Fetched
from stockyard.upstream.outgoing import MIB, Outgoing, Timers, request_head
from stockyard.upstream.plans import USER_AGENT
from stockyard.upstream.proxy import ProxySettings
from stockyard.upstream.url import parse_url
from stockyard.wire.media import image_type

MAX_IMAGES = 20
"""Different images of one request."""
MAX_BYTES = 20 * MIB
MAX_ALL_BYTES = 50 * MIB
"""For all images of one request: as much as its body might have contained."""
MAX_AT_ONCE = 16
"""For all calls together. Others wait, within their time limit."""
MAX_OF_ONE_KEY = 4
"""Of these, for all calls of one Key: slow addresses in its calls make no other Key wait."""
SECONDS = 10.0
"""For all images of one request together."""
TIMERS = Timers(first_byte_seconds=SECONDS, idle_seconds=SECONDS, total_seconds=SECONDS)

Reason = Literal["off", "count", "denied", "unreachable", "status", "size", "type", "timeout"]
_SAID: dict[Reason, str] = {
    "off": "is named by its URL, but the provider takes bytes only. Send it as base64",
    "count": f"is one too many: at most {MAX_IMAGES} are fetched for a request. Send it as base64",
    "denied": "is at an address that may not be called",
    "unreachable": "could not be fetched",
    "status": "is not at its address",
    "size": "makes the images of the request too large",
    "type": "is no PNG, JPEG, GIF or WebP",
    "timeout": "took too long to fetch",
}
_WEB = re.compile(r"https?://", re.IGNORECASE)
_HEAD = [(b"accept", b"image/*"), (b"accept-encoding", b"identity"), (b"user-agent", USER_AGENT)]


class ImageFetch:
    """Puts images into requests."""

    def __init__(
        self, client: Client, proxy: ProxySettings | None = None, *, allowed: bool = True
    ) -> None:
        self._client = client
        self._proxy = proxy
        self._allowed = allowed
        self._free = asyncio.Semaphore(MAX_AT_ONCE)
        self._free_of: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        """The same for each Key that has images fetched now."""

    async def inlined(self, request: Request, field: str, key_id: str) -> Request:
        """The request with bytes in place of URLs. Raises Refused (400, 413) with `field`, the
        client's field that contains the images."""
        content = request.meaning
        if not isinstance(content, Content):
            return request
        urls = list(dict.fromkeys(_urls_in(content.messages)))
        if not urls:
            return request
        try:
            if not self._allowed:
                raise _Unavailable("off", urls[0])
            if len(urls) > MAX_IMAGES:
                raise _Unavailable("count", urls[MAX_IMAGES])
            # In a separate task, because the code below needs one, and the call may run without.
            found = await asyncio.get_running_loop().create_task(self._all(urls, key_id))
        except _Unavailable as error:
            raise _refusal(error.reason, urls.index(error.url), field) from None
        return request.with_content(
            replace(content, messages=tuple(_with_bytes(m, found) for m in content.messages))
        )

    async def _all(self, urls: list[str], key_id: str) -> dict[str, Image]:
        free = self._free_of.setdefault(key_id, asyncio.Semaphore(MAX_OF_ONE_KEY))
        found: dict[str, Image] = {}
        room = MAX_ALL_BYTES
        try:
            async with asyncio.timeout(SECONDS):
                for url in urls:
                    async with free, self._free:
                        body = await self._body(url, min(room, MAX_BYTES))
                    room -= len(body)
                    found[url] = _image(url, body)
        except TimeoutError:
            raise _Unavailable("timeout", urls[len(found)]) from None
        return found

    async def _body(self, url: str, most: int) -> bytes:
        try:
            answer = await self._answer(url, most)
        except EgressDenied:
            raise _Unavailable("denied", url) from None
        except UpstreamError as error:
            too_large = error.code == "limit_exceeded"
            late: Reason = "timeout" if error.kind == "timeout" else "unreachable"
            raise _Unavailable("size" if too_large else late, url) from None
        if answer.status != 200:
            raise _Unavailable("status", url)
        return answer.body

    async def _answer(self, url: str, most: int) -> Fetched:
        target = (parse_url(url).target or "/").encode()
        origin = self._client.origin(url, purpose="image", operator=False, proxy=self._proxy)
        head = request_head(b"GET", target, origin.host, _HEAD, None)
        return await self._client.fetch(Outgoing(origin=origin, head=head, timers=TIMERS), most)


class _Unavailable(Exception):
    def __init__(self, reason: Reason, url: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.url = url


def _refusal(reason: Reason, index: int, field: str) -> Refused:
    message = f"Image {index + 1} {_SAID[reason]}."
    detail = {"index": index, "reason": reason}
    if reason == "size":
        return Refused(413, "body_too_large", message, param=field, detail=detail)
    return Refused(400, "image_unavailable", message, param=field, detail=detail)


def _urls_in(messages: tuple[Message, ...]) -> Iterator[str]:
    for message in messages:
        yield from _urls_of(message.parts)


def _urls_of(parts: tuple[AnyPart, ...]) -> Iterator[str]:
    for part in parts:
        if isinstance(part, ToolResult):
            yield from _urls_of(part.parts)
        elif isinstance(part, Image) and part.url is not None and _WEB.match(part.url):
            yield part.url


def _with_bytes(message: Message, found: Mapping[str, Image]) -> Message:
    return replace(message, parts=_parts_with_bytes(message.parts, found))


def _parts_with_bytes(
    parts: tuple[AnyPart, ...], found: Mapping[str, Image]
) -> tuple[AnyPart, ...]:
    return tuple(_part_with_bytes(part, found) for part in parts)


def _part_with_bytes(part: AnyPart, found: Mapping[str, Image]) -> AnyPart:
    if isinstance(part, ToolResult):
        return replace(part, parts=_parts_with_bytes(part.parts, found))
    image = found.get(part.url or "") if isinstance(part, Image) else None
    if image is None:
        return part
    return replace(part, url=None, data=image.data, media_type=image.media_type)


def _image(url: str, body: bytes) -> Image:
    kind = image_type(body)
    if kind is None:
        raise _Unavailable("type", url)
    return Image(data=b64encode(body).decode(), media_type=kind)
