"""Base class of codecs whose format restricts tool names."""

from collections.abc import Mapping
from copy import copy
from typing import ClassVar, Self

from stockyard.core.request import Content, Request
from stockyard.core.response import Output
from stockyard.wire.streamed import StreamedCodec
from stockyard.wire.tool_names import NO_NAMES, ToolNames, named_back


class RenamingCodec(StreamedCodec[Content]):
    """Sends tools under derived names where theirs do not fit, and turns them back in answers.
    Implements `codec.Renames`."""

    tool_names: ClassVar[ToolNames]
    """The tool names that the format accepts."""
    _names: Mapping[str, str] = NO_NAMES
    """Derived names of one request -> the names the client uses."""

    def answering(self, content: Content) -> Self:
        names = self.tool_names.renamed_in(content)
        if not names:
            return self
        codec = copy(self)
        codec._names = names
        return codec

    def fitted(self, request: Request) -> Request:
        if not self._names:
            return request
        return request.with_content(self.tool_names.fitted(request.content))

    def named_back(self, output: Output) -> Output:
        return named_back(output, self._names) if self._names else output
