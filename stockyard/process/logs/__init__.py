"""The log: one line per event, as JSON or for a terminal."""

from stockyard.process.logs.calls import CallLog, call_text
from stockyard.process.logs.lines import Event, Line
from stockyard.process.logs.records import install
from stockyard.process.logs.redaction import Redaction
from stockyard.process.logs.rotation import Rotation
from stockyard.process.logs.writer import LogWriter

__all__ = ["CallLog", "Event", "Line", "LogWriter", "Redaction", "Rotation", "call_text", "install"]
