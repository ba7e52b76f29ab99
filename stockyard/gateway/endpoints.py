"""Which path means what: the unified endpoints, and the native routes of every provider.

A unified endpoint speaks one format and reaches every provider. A native route, `/{provider}/...`,
speaks the provider's own dialect and reaches that provider only (`wire.md` 2).
"""

import re
from collections.abc import Callable
from typing import Literal
from urllib.parse import unquote

from msgspec import Struct
from msgspec.structs import replace

from stockyard.core.kind import Kind
from stockyard.gateway import held
from stockyard.providers.catalog import RESERVED

MAX_JSON_BODY = 50 * 1024 * 1024
MAX_UPLOAD = 100 * 1024 * 1024
MAX_TEXT_BODY = 1024 * 1024
"""Of a speech request: providers speak a few thousand characters at a time."""

About = Literal["", "models", "model", "version"]
"""What a path tells without calling a model: the list of models, the model that the body names, or
the version of the dialect, which its clients ask for first."""


class Endpoint(Struct, frozen=True):
    """What one path of the data plane means."""

    format: str
    """The format the client speaks here; empty on a native path that no codec can read."""
    kind: Kind
    needs: str = ""
    """The name of this endpoint in the provider catalog, if it differs from the kind (`speech`)."""
    methods: tuple[str, ...] = ("POST",)
    max_body: int = MAX_JSON_BODY
    native: str | None = None
    """The provider whose own dialect this is; None on unified paths."""
    native_path: str = ""
    """The path at the provider."""
    native_origin: str = ""
    native_auth: tuple[str, ...] = ()
    about: About = ""
    """Set where no model is called, and we answer about models instead."""
    model: str = ""
    """The model, if the path names it and the body does not."""
    model_alias: str = ""
    """Requests may omit the model here. It is then the one behind the operator's alias of this
    name."""
    model_in_path: bool = False
    """The path decides on model and stream, whatever the body says."""
    stream: bool = False
    """The path asks for a stream, whatever the body says."""
    holds: held.HeldPath | None = None
    """Set where the path leads to something that a provider stores for one team."""
    closed: bool = False
    """It manages an account or issues a secret, which is never possible through the gateway."""
    realtime: bool = False
    """A realtime session is opened here, on a WebSocket."""
    passes: str = ""
    """Forward only the client's header fields of this format, although `native` is set."""
    key_in_query: bool = False
    """Clients of this path may send their Key as `?key=`."""
    recalls: str = ""
    """`turns`: requests may continue earlier ones. `answer`: the path names an earlier answer."""
    answer: str = ""
    """The id of that answer."""
    part: str = ""
    """The part of it that is wanted (`input_items`), or what to do with it (`cancel`)."""
    sockets_later: bool = False
    """Clients try a WebSocket here first. Refused with 426, they fall back to HTTP at once; with
    404 or 405 they retry for seconds."""

    @property
    def is_about_things(self) -> bool:
        """Whether the path is about something that a provider stores, such as a file."""
        return self.holds is not None or bool(self.passes) or self.recalls == "answer"


CHAT = Endpoint("openai.chat", "chat")
MESSAGES = Endpoint("anthropic.messages", "chat")
RESPONSES = Endpoint("openai.responses", "chat", sockets_later=True, recalls="turns")
COMPACT = Endpoint("openai.compact", "chat", "responses_compact", recalls="turns")
COMPLETIONS = Endpoint("openai.completions", "completions")
MODELS = Endpoint("openai.chat", "chat", methods=("GET", "HEAD"), about="models", key_in_query=True)

EMBEDDINGS = Endpoint("openai.embeddings", "embeddings")
COHERE_EMBED = Endpoint("cohere.embed", "embeddings")
RERANK = Endpoint("cohere.rerank", "rerank")
MODERATIONS = Endpoint("openai.moderations", "moderations", model_alias="moderations")
SPEECH = Endpoint("openai.speech", "audio", "speech", max_body=MAX_TEXT_BODY)
TRANSCRIPTIONS = Endpoint("openai.transcriptions", "audio", "transcriptions")
TRANSLATIONS = replace(TRANSCRIPTIONS, needs="translations")
IMAGES = Endpoint("openai.images", "images")
IMAGE_EDITS = replace(IMAGES, needs="image_edits")
IMAGE_VARIATIONS = replace(IMAGES, needs="image_variations")
REALTIME = Endpoint("", "realtime", methods=("GET",), realtime=True)
REALTIME_SECRETS = Endpoint("", "realtime", closed=True)
GEMINI = Endpoint("gemini", "chat", key_in_query=True)
COHERE = Endpoint("cohere.chat", "chat")
CONVERSE = Endpoint("bedrock.converse", "chat")
INVOKE = Endpoint("bedrock.invoke", "chat")
OLLAMA = Endpoint("ollama.chat", "chat")
OLLAMA_VERSION = replace(OLLAMA, methods=("GET", "HEAD"), about="version")
COUNT = Endpoint("anthropic.count", "count", "count_tokens")
RESPONSES_COUNT = replace(COUNT, format="openai.input_tokens", recalls="turns")
GEMINI_COUNT = replace(COUNT, format="gemini.count", key_in_query=True)
GEMINI_EMBED = Endpoint("gemini.embed", "embeddings", key_in_query=True)

CHATS = (CHAT, RESPONSES, MESSAGES, GEMINI, COHERE, OLLAMA, CONVERSE, INVOKE)
"""Unified endpoints for chats."""

_MODEL_CALL = re.compile(r"(?:/v1(?:beta|alpha)?){0,2}/models/(.+):([A-Za-z]+)")
"""The name of a model may have slashes and colons; the verb follows the last colon. Clients whose
base URL has a version add another."""
_VERSIONS = re.compile(r"v1(?:beta|alpha)?(?:/v1(?:beta|alpha)?)?")
_NAMED_CALL = re.compile(
    r"/v1(?:beta|alpha)?/(?!models/|tunedModels/|projects/|publishers/)([^/]+/.+):([A-Za-z]+)"
)
"""Vercel's SDK takes a name with a slash for the whole path: `/v1beta/openai/gpt-4o:...`."""
_ANSWER = re.compile(r"(?:/v1){0,2}/responses/([A-Za-z0-9_.-]{1,128})(?:/(cancel|input_items))?")
_OF_ANSWER = {"cancel": ("POST",), "input_items": ("GET",), None: ("GET", "DELETE")}
_VERBS: dict[str, Endpoint] = {
    "generateContent": GEMINI,
    "streamGenerateContent": replace(GEMINI, stream=True),
    "countTokens": GEMINI_COUNT,
    "batchEmbedContents": GEMINI_EMBED,
    "embedContent": replace(GEMINI_EMBED, format="gemini.embed_content"),
}
"""Verb behind the model's name in the path -> endpoint."""
_HOSTED_CALL = re.compile(
    r"/model/(.+)/(converse|converse-stream|invoke|invoke-with-response-stream|count-tokens)"
)
"""Calls in the formats `bedrock.*`, which name model and verb in the path."""
_HOSTED_VERBS: dict[str, Endpoint] = {
    "converse": CONVERSE,
    "converse-stream": replace(CONVERSE, stream=True),
    "invoke": INVOKE,
    "invoke-with-response-stream": replace(INVOKE, stream=True),
    "count-tokens": replace(COUNT, format="bedrock.count"),
}
_PUBLISHED_CALL = re.compile(
    r"/v1(?:beta1)?(?:/projects/[^/]+/locations/[^/]+)?/publishers/([^/]+)/models/(.+)"
    r":(generateContent|streamGenerateContent|rawPredict|streamRawPredict)"
)
"""Calls of cloud clients whose paths name the publisher of a model."""
_DEPLOYMENT_CALL = re.compile(
    r"/openai/deployments/(.+?)(/(?:chat/completions|completions|embeddings"
    r"|audio/(?:speech|transcriptions|translations)|images/(?:generations|edits)))"
)
"""Calls of cloud clients whose paths name a deployment, which is the model for us."""
_CLOUD = "/openai/"
"""How the paths of those clients begin, with another slash before it where the endpoint that they
were given ends with one."""
_ARRAYS = {"gemini": "gemini.array"}
"""Formats whose streams are one JSON array unless the query asks for events."""
_EVENTS = frozenset({"alt=sse", "$alt=sse", "%24alt=sse"})

UNIFIED: dict[str, Endpoint] = {
    "/v1/chat/completions": CHAT,
    "/v1/messages": MESSAGES,
    "/v1/responses": RESPONSES,
    "/v1/messages/count_tokens": COUNT,
    "/v1/responses/input_tokens": RESPONSES_COUNT,
    "/v1/responses/compact": COMPACT,
    "/v1/completions": COMPLETIONS,
    "/v1/models": MODELS,
    "/v1/audio/speech": SPEECH,
    "/v1/audio/transcriptions": TRANSCRIPTIONS,
    "/v1/audio/translations": TRANSLATIONS,
    "/v1/images/generations": IMAGES,
    "/v1/images/edits": IMAGE_EDITS,
    "/v1/images/variations": IMAGE_VARIATIONS,
    "/v1/embeddings": EMBEDDINGS,
    "/v1/rerank": RERANK,
    "/v1/moderations": MODERATIONS,
    "/v2/embed": COHERE_EMBED,
    "/v2/rerank": RERANK,
    "/v2/chat": COHERE,
    "/v1/realtime": REALTIME,
    "/v1/realtime/client_secrets": REALTIME_SECRETS,
    "/v1/realtime/calls": REALTIME_SECRETS,
    "/v1/realtime/sessions": REALTIME_SECRETS,
    "/v1/realtime/transcription_sessions": REALTIME_SECRETS,
    # Clients of this dialect want the root of a host, where `/api` is the control plane. What is
    # not listed here reaches the provider itself.
    "/ollama/api/chat": OLLAMA,
    "/ollama/api/generate": Endpoint("ollama.generate", "completions"),
    "/ollama/api/embed": Endpoint("ollama.embed", "embeddings"),
    "/ollama/api/tags": replace(OLLAMA, methods=("GET", "HEAD"), about="models"),
    "/ollama/api/show": replace(OLLAMA, about="model"),
    "/ollama/api/version": OLLAMA_VERSION,
    "/ollama/": OLLAMA_VERSION,
    "/ollama": OLLAMA_VERSION,
    # Clients whose base URL lacks the version, and Anthropic clients whose base URL has it.
    "/chat/completions": CHAT,
    "/messages": MESSAGES,
    "/messages/count_tokens": COUNT,
    "/responses/input_tokens": RESPONSES_COUNT,
    "/responses/compact": COMPACT,
    "/responses": RESPONSES,
    "/completions": COMPLETIONS,
    "/realtime": REALTIME,
    "/embeddings": EMBEDDINGS,
    "/rerank": RERANK,
    "/moderations": MODERATIONS,
    "/audio/speech": SPEECH,
    "/audio/transcriptions": TRANSCRIPTIONS,
    "/audio/translations": TRANSLATIONS,
    "/images/generations": IMAGES,
    "/images/edits": IMAGE_EDITS,
    "/images/variations": IMAGE_VARIATIONS,
    "/v1/v1/chat/completions": CHAT,
    "/v1/v1/messages": MESSAGES,
    "/v1/v1/messages/count_tokens": COUNT,
    "/v1/v1/responses": RESPONSES,
    "/v1/v1/completions": COMPLETIONS,
}

DATA_PLANE = ("/v1/", "/v1beta/", "/v1beta1/", "/v1alpha/", "/v2/", "/model/")
"""An unknown path below these is refused by the data plane, in the format of the path."""

Native = Callable[[str, str, str], Endpoint | None]
"""(provider, rest of the path, method) -> endpoint, None when the provider is not known."""


def find(path: str, method: str, native: Native, query: str = "") -> Endpoint | None:
    """The endpoint of a raw path; None when the data plane does not know it."""
    endpoint = UNIFIED.get(path)
    if endpoint is not None:
        return endpoint
    if ("/models" in path or ":" in path) and (endpoint := _of_models(path)) is not None:
        return endpoint
    if (holding := held.unified(path)) is not None:
        return _holding(*holding)
    if "/responses/" in path and (endpoint := _of_answers(path)) is not None:
        return endpoint
    if path.startswith((_CLOUD, "/" + _CLOUD)):
        endpoint = _of_deployments(path[path.index(_CLOUD) :], query)
        if endpoint is not None:
            return endpoint
    if path.startswith("/model/") and (call := _HOSTED_CALL.fullmatch(path)) is not None:
        return replace(_HOSTED_VERBS[call[2]], model=unquote(call[1]))
    provider, slash, rest = path[1:].partition("/")
    if not slash or provider in RESERVED:
        return None
    return native(provider, rest if rest.startswith(_CLOUD) else "/" + rest, method)


def _holding(path: held.HeldPath, methods: tuple[str, ...]) -> Endpoint:
    return Endpoint("", "passthrough", path.collection, methods, holds=path)


def framed(endpoint: Endpoint, query: str) -> Endpoint:
    """The endpoint, with the stream format that the query asks for.

    A client that asks for events gets a stream even from the verb for whole answers, as from the
    provider itself.
    """
    array = _ARRAYS.get(endpoint.format)
    if array is None:
        return endpoint
    if not _EVENTS.isdisjoint(query.split("&")):
        return replace(endpoint, stream=True)
    return replace(endpoint, format=array) if endpoint.stream else endpoint


def _of_answers(path: str) -> Endpoint | None:
    """Calls about an earlier answer that is stored."""
    asked = _ANSWER.fullmatch(path)
    if asked is None:
        return None
    return Endpoint(
        "openai.responses",
        "chat",
        methods=_OF_ANSWER[asked[2]],
        recalls="answer",
        answer=asked[1],
        part=asked[2] or "",
    )


def _of_models(path: str) -> Endpoint | None:
    """Calls that name their model in the path, and the lists of models."""
    call = _MODEL_CALL.fullmatch(path) or _NAMED_CALL.fullmatch(path)
    if call is not None and call[2] in _VERBS:
        return replace(_VERBS[call[2]], model=unquote(call[1]))
    call = _PUBLISHED_CALL.fullmatch(path)
    if call is not None:
        return _published(call[1], unquote(call[2]), call[3])
    version, _, name = path[1:].partition("/models")
    if name == "/" or (name and not name.startswith("/")):
        return None
    return MODELS if _VERSIONS.fullmatch(version) else None


def _published(publisher: str, model: str, verb: str) -> Endpoint | None:
    stream = verb.startswith("stream")
    if verb.lower().endswith("rawpredict"):
        # Only this publisher's models take Messages here; others have bodies of their own.
        if publisher != "anthropic" or model == "count-tokens":
            return None
        return replace(MESSAGES, model=model, stream=stream, model_in_path=True)
    name = model if publisher == "google" else f"{publisher}/{model}"
    return replace(GEMINI, model=name, stream=stream)


def _of_deployments(path: str, query: str) -> Endpoint | None:
    """Calls of clients that take the gateway for their own resource at a cloud (`wire.md` 2.3)."""
    call = _DEPLOYMENT_CALL.fullmatch(path)
    if call is not None:
        endpoint = UNIFIED.get("/v1" + call[2])
        return endpoint and replace(endpoint, model=unquote(call[1]), model_in_path=True)
    if not any(field.startswith("api-version=") for field in query.split("&")):
        return None
    there = "/v1" + path.removeprefix("/openai").removeprefix("/v1")
    return UNIFIED.get(there) or _of_answers(there)
