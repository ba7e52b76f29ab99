"""Write Events as a completions stream: chunks of text, and nothing of what chat has besides."""

from typing import ClassVar

from stockyard.core.events import Finished, RefusalDelta, Started, TextDelta, UsageSeen
from stockyard.core.money import Usage
from stockyard.wire.codec import Fault, Pen
from stockyard.wire.openai_chat.errors import failed_stream
from stockyard.wire.openai_chat.response import with_prefix
from stockyard.wire.openai_completions.prompts import FORMAT
from stockyard.wire.openai_completions.response import ID_PREFIX, Echoes, finish_word
from stockyard.wire.sse import DONE_EVENT
from stockyard.wire.surrogates import encode
from stockyard.wire.usage import write_chat_usage
from stockyard.wire.writer import ByEvent, Writer


class CompletionsWriter(Writer):
    all_choices = True

    def __init__(self, pen: Pen) -> None:
        super().__init__()
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

    def end(self, comment: bytes = b"") -> bytes:
        if self._pen.wants_usage and self._usage is not None:
            usage = encode(write_chat_usage(self._usage))
            self._out.append(self._head + b'"choices":[],"usage":' + usage + b"}\n\n")
        return self._taken() + comment + DONE_EVENT

    def fail(self, fault: Fault) -> bytes:
        return self._taken() + failed_stream(fault)

    def _started(self, event: Started) -> None:
        self._echoes = Echoes(self._pen, event.extra)
        self._usage = event.usage or self._usage

    def _text(self, event: TextDelta | RefusalDelta) -> None:
        if event.text:
            self._chunk(event.choice, event.text)

    def _usage_seen(self, event: UsageSeen) -> None:
        self._usage = event.usage

    def _finished(self, event: Finished) -> None:
        self._chunk(event.choice, "", b'"%b"' % finish_word(event.reason).encode())

    def _chunk(self, choice: int, text: str, finish: bytes = b"null") -> None:
        if choice not in self._begun:
            self._begun.add(choice)
            text = self._echoes.before(choice) + text
        self._out.append(
            b'%b"choices":[{"text":%b,"index":%d,"logprobs":null,"finish_reason":%b}]%b'
            % (self._head, encode(text), choice, finish, self._tail)
        )

    by_event: ClassVar[ByEvent] = {
        Started: _started,
        TextDelta: _text,
        RefusalDelta: _text,
        UsageSeen: _usage_seen,
        Finished: _finished,
    }
