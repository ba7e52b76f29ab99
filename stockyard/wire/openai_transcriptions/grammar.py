"""The events of a transcription stream."""

from stockyard.wire.typed_look import Grammar

FORMAT = "openai.transcriptions"
DELTA, SEGMENT, END = "transcript.text.delta", "transcript.text.segment", "transcript.text.done"
GRAMMAR = Grammar(pieces=frozenset({DELTA, SEGMENT}), ends=frozenset({END}), noun="a transcription")
