"""The log is written by a thread; who logs never waits and never fails."""

import json
import logging
import os
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from stockyard.process.logs import Event, LogWriter, install
from stockyard.process.logs.records import Records
from stockyard.process.logs.writer import MAX_LINES


class Pipe:
    """A pipe and what came out of it."""

    def __init__(self) -> None:
        self.read_end, self.write_end = os.pipe()

    def text(self) -> str:
        os.close(self.write_end)
        text = b""
        while some := os.read(self.read_end, 65_536):
            text += some
        os.close(self.read_end)
        return text.decode()


def lines(pipe: Pipe) -> list[dict[str, Any]]:
    return [json.loads(line) for line in pipe.text().splitlines()]


def started(pipe: Pipe, *, as_json: bool = True) -> LogWriter:
    writer = LogWriter(pipe.write_end, json=as_json)
    writer.start()
    return writer


@pytest.fixture
def loggers() -> Iterator[None]:
    """`logging` as it was."""
    root, own = logging.getLogger(), logging.getLogger("stockyard")
    before = root.handlers[:], root.level, own.level, logging.raiseExceptions
    yield
    root.handlers[:], logging.raiseExceptions = before[0], before[3]
    root.setLevel(before[1])
    own.setLevel(before[2])


def test_lines_are_written_in_order_and_the_end_is_waited_for() -> None:
    pipe = Pipe()
    writer = started(pipe)
    for number in range(500):
        writer.put(Event.now("counted", "", number=number))
    writer.close()
    assert [line["number"] for line in lines(pipe)] == list(range(500))


def test_what_is_said_is_written_as_it_is_and_in_its_place() -> None:
    pipe = Pipe()
    writer = LogWriter(pipe.write_end, json=False, redact=lambda text: text.replace(b"key", b"***"))
    writer.start()
    writer.put(Event.now("a", "first key"))
    writer.say("the key\n")
    writer.put(Event.now("b", "second key"))
    writer.close()
    first, said, second = pipe.text().splitlines()
    assert first.endswith("first ***")
    assert said == "the key"
    assert second.endswith("second ***")


def test_a_full_pipe_makes_nobody_wait_and_what_is_lost_is_counted() -> None:
    pipe = Pipe()
    writer = started(pipe)
    began = time.monotonic()
    for _ in range(MAX_LINES + 20_000):
        writer.put(Event("filling", "x" * 200))
    assert time.monotonic() - began < 5
    assert writer.dropped > 0
    reader = threading.Thread(target=lambda: read.append(pipe_text(pipe)))
    read: list[str] = []
    reader.start()
    writer.close(deadline=10)
    os.close(pipe.write_end)
    reader.join(10)
    os.close(pipe.read_end)
    written = [json.loads(line) for line in read[0].splitlines()]
    lost = sum(line["count"] for line in written if line["event"] == "log.dropped")
    assert lost == writer.dropped
    assert sum(line["event"] == "filling" for line in written) + lost == MAX_LINES + 20_000


def pipe_text(pipe: Pipe) -> str:
    text = b""
    while some := os.read(pipe.read_end, 65_536):
        text += some
    return text.decode()


def test_a_closed_pipe_loses_lines_and_stops_nothing() -> None:
    pipe = Pipe()
    os.close(pipe.read_end)
    writer = started(pipe)
    for _ in range(10):
        writer.put(Event.now("lost", ""))
    writer.close()
    os.close(pipe.write_end)
    assert writer.dropped == 10


def test_closing_does_not_wait_for_a_reader_for_ever() -> None:
    pipe = Pipe()
    writer = started(pipe)
    for _ in range(MAX_LINES):
        writer.put(Event("filling", "x" * 200))
    began = time.monotonic()
    writer.close(deadline=0.2)
    assert time.monotonic() - began < 5
    os.close(pipe.read_end)
    writer._thread.join(5)
    os.close(pipe.write_end)


def test_records_of_the_program_become_lines(loggers: None) -> None:
    pipe = Pipe()
    writer = started(pipe)
    install(writer.put, "info")
    log = logging.getLogger("stockyard.gateway")
    try:
        raise ValueError("not good")
    except ValueError as error:
        log.error("call %s failed", "req_1", exc_info=error, extra={"request_id": "req_1"})
    log.debug("not wanted")
    logging.getLogger("library").info("not wanted")
    logging.getLogger("library").warning("wanted")
    writer.close()
    failed, library = lines(pipe)
    assert failed["level"] == "error"
    assert failed["event"] == "gateway"
    assert failed["message"] == "call req_1 failed"
    assert failed["error"] == "ValueError: not good"
    assert failed["request_id"] == "req_1"
    assert failed["stack"][-1].endswith("test_records_of_the_program_become_lines")
    assert (library["event"], library["message"]) == ("library", "wanted")


@pytest.mark.parametrize(
    ("message", "arguments"),
    [("%s %s", ("one",)), ("%d", ("text",)), ({"not": "a text"}, ()), ("plain", ())],
)
def test_a_record_that_cannot_be_put_together_is_written_all_the_same(
    message: Any, arguments: tuple[str, ...]
) -> None:
    pipe = Pipe()
    writer = started(pipe)
    record = logging.LogRecord("x", logging.ERROR, "f", 1, message, arguments, None)
    Records(writer.put).handle(record)
    writer.close()
    assert lines(pipe)[0]["message"]


def test_a_storm_of_one_line_is_one_line_and_a_count() -> None:
    pipe = Pipe()
    writer = started(pipe)
    records = Records(writer.put)
    for number in range(300):
        records.handle(logging.LogRecord("x", logging.ERROR, "f", 1, "down %d", (number,), None))
    time.sleep(1.3)
    writer.close()
    told, counted = lines(pipe)
    assert told["message"] == "down 0"
    assert (counted["event"], counted["count"]) == ("log.suppressed", 299)


@pytest.mark.parametrize("text", ["\x1b[2J", "a\nb", "a\rb", "\u202eabc", "\ud800"])
def test_a_terminal_gets_nothing_that_could_move_its_cursor(text: str) -> None:
    pipe = Pipe()
    writer = started(pipe, as_json=False)
    writer.put(Event.now("odd", f"<{text}>"))
    writer.close()
    shown = pipe.text()
    assert shown.count("\n") == 1
    assert shown.rstrip("\n").isprintable()


@pytest.mark.parametrize("text", ["\ud800", "\x00", "\x1b[2J"])
def test_a_program_gets_valid_json_whatever_the_text(text: str) -> None:
    pipe = Pipe()
    writer = started(pipe)
    writer.put(Event.now("odd", text, odd={1, 2}))
    writer.close()
    assert lines(pipe)[0]["message"] == text
