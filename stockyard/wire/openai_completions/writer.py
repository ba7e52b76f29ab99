"""Write Events as a completions stream: chunks of text, and nothing of what chat has besides."""

from collections.abc import Sequence

from stockyard.core.events import Event, Finished, RefusalDelta, Started, TextDelta, UsageSeen
from stockyard.core.money import Usage
from stockyard.wire.codec import Fault, Pen
from stockyard.wire.openai_chat.errors import failed_stream
from stockyard.wire.openai_chat.response import with_prefix
from stockyard.wire.openai_completions.prompts import FORMAT
from stockyard.wire.openai_completions.response import ID_PREFIX, Echoes, finish_word
from stockyard.wire.sse import DONE_EVENT
from stockyard.wire.surrogates import encode
from stockyard.wire.usage import write_chat_usage


class CompletionsWriter:
    def __init__(self, pen: Pen) -> None:
        self._pen = pen
        self._echoes = Echoes(pen, {FORMAT: {}})
        self._head = b'data: {"id":%b,"object":"text_completion","created":%d,"model":%b,' % (
            encode(with_prefix(pen.id, ID_PREFIX)),
            pen.created,
            encode(pen.model),
        )
        # With include_usage every chunk before the last one says `usage: null`.
        self._tail = b',"usage":null}\n\n' if pen.wants_usage else b"}\n\n"
        self._begun: set[int] = set()
        self._usage: Usage | None = None

    def write(self, events: Sequence[Event]) -> bytes:
        out: list[bytes] = []
        for event in events:
            if isinstance(event, TextDelta | RefusalDelta) and event.text:
                out.append(self._chunk(event.choice, event.text))
            elif isinstance(event, Finished):
                out.append(self._chunk(event.choice, "", b'"%b"' % _word(event)))
            elif isinstance(event, UsageSeen):
                self._usage = event.usage
            elif isinstance(event, Started):
                self._echoes = Echoes(self._pen, event.extra)
                self._usage = event.usage or self._usage
        return b"".join(out)

    def end(self, comment: bytes = b"") -> bytes:
        out = b""
        if self._pen.wants_usage and self._usage is not None:
            usage = encode(write_chat_usage(self._usage))
            out = self._head + b'"choices":[],"usage":' + usage + b"}\n\n"
        return out + comment + DONE_EVENT

    def fail(self, fault: Fault) -> bytes:
        return failed_stream(fault)

    def _chunk(self, choice: int, text: str, finish: bytes = b"null") -> bytes:
        if choice not in self._begun:
            self._begun.add(choice)
            text = self._echoes.before(choice) + text
        return b'%b"choices":[{"text":%b,"index":%d,"logprobs":null,"finish_reason":%b}]%b' % (
            self._head,
            encode(text),
            choice,
            finish,
            self._tail,
        )


def _word(event: Finished) -> bytes:
    return finish_word(event.reason).encode()
