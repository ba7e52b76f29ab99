"""The bytes of a call, with a head as long as the official libraries send."""

import msgspec

from bench.job import Job
from bench.order import END, NONCE, Order

_PATHS = {"chat": "/v1/chat/completions", "messages": "/v1/messages"}
_MODELS = {"chat": "gpt-4o-mini", "messages": "claude-3-5-haiku-20241022"}
_PROSE = (
    'The ledger said "paid in full"; the clerk, who had read it twice, was not so sure.\n'
    "Señora Muñoz asked for 14 crates (€ 23.50 each), three of them by Thursday at 09:30.\n"
    "def total(rows):\n    return sum(row['price'] * row['count'] for row in rows)\n\n"
)
_TURN = 2000
"""Characters in one message of a long conversation."""

# As AsyncOpenAI sends it; the other library's differs in a word or two.
_HEAD = """\
POST {path} HTTP/1.1
Host: 127.0.0.1:{port}
Accept-Encoding: gzip, deflate
Connection: keep-alive
Accept: application/json
Content-Type: application/json
User-Agent: AsyncOpenAI/Python 3.52.0
X-Stainless-Lang: python
X-Stainless-Package-Version: 3.52.0
X-Stainless-OS: Linux
X-Stainless-Arch: x64
X-Stainless-Runtime: CPython
X-Stainless-Runtime-Version: 3.11.7
Authorization: Bearer {key}
X-Stainless-Async: async:asyncio
x-stainless-retry-count: 0
x-stainless-read-timeout: 600
{more}Content-Length: {length}

"""


def request(job: Job) -> tuple[bytes, bytes]:
    """The call in two parts; the nonce goes between them."""
    body = _body(job)
    head = _HEAD.format(
        path=_PATHS[job.format],
        port=job.port,
        key=job.key,
        more="anthropic-version: 2023-06-01\n" if job.format == "messages" else "",
        length=len(body),
    )
    before, after = (head.replace("\n", "\r\n").encode() + body).split(NONCE)
    return before, after


def _body(job: Job) -> bytes:
    order = Order(wait_ms=job.wait_ms, tokens=job.tokens, gap_ms=job.gap_ms)
    texts = _texts(job.size)
    texts[0] = f"{order.mark()} {texts[0]}"
    texts[-1] += f" {END.decode()}"
    turns = [
        {"role": "assistant" if i % 2 else "user", "content": text} for i, text in enumerate(texts)
    ]
    fields: dict[str, object] = {"model": _MODELS[job.served_by or job.format], "messages": turns}
    if job.format == "messages":
        fields["max_tokens"] = 1024
    if job.mode != "whole":
        fields["stream"] = True
    return msgspec.json.encode(fields)


def _texts(size: int) -> list[str]:
    """Prose of about that many bytes as turns of a conversation, an odd number of them."""
    prose = (_PROSE * (size // len(_PROSE) + 1))[:size]
    texts = [prose[i : i + _TURN] for i in range(0, len(prose), _TURN)] or [""]
    if len(texts) % 2 == 0:  # the user has the last word
        texts[-2:] = ["".join(texts[-2:])]
    return texts
