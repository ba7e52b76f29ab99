"""Our own messages to a side of a session wait for the end of a message, and for slow readers."""

from stockyard.gateway.own_words import MOST_WAITING, OwnWords
from stockyard.upstream.frames import TEXT, Frame

START, END = Frame(TEXT, b"a", final=False), Frame(0, b"b")


def said(frames: list[Frame]) -> list[bytes]:
    return [frame.data for frame in frames]


def test_our_words_are_sent_at_once_between_messages() -> None:
    assert said(OwnWords().say(b"hi")) == [b"hi"]


def test_our_words_wait_for_the_end_of_a_message_and_keep_their_order() -> None:
    words = OwnWords()
    assert words.after(START) == []
    assert words.say(b"1") == words.say(b"2") == []
    assert said(words.after(END)) == [b"1", b"2"]


def test_our_words_wait_while_a_side_reads_slowly() -> None:
    words = OwnWords()
    words.slow = True
    assert words.say(b"1") == []
    assert said(words.ready()) == [b"1"]


def test_only_so_many_of_our_words_wait() -> None:
    words = OwnWords()
    words.slow = True
    for _ in range(MOST_WAITING + 10):
        words.say(b"x")
    assert len(words.ready()) == MOST_WAITING
