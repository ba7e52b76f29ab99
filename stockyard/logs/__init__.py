"""What the process says while it runs: one line per event, in JSON or for a terminal."""

from stockyard.logs.calls import CallLog, call_text
from stockyard.logs.lines import Event, Line
from stockyard.logs.records import install
from stockyard.logs.redaction import Redaction
from stockyard.logs.writer import LogWriter

__all__ = ["CallLog", "Event", "Line", "LogWriter", "Redaction", "call_text", "install"]
