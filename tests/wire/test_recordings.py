"""How long recordings are, told by their headers."""

import io
import struct
import wave

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockyard.wire.openai_transcriptions.codec import TranscriptionsCodec
from stockyard.wire.recordings import LONGEST_SECONDS, seconds_of


def wav(seconds: float, rate: int = 8000) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(2)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        sound.writeframes(bytes(int(seconds * rate) * 4))
    return file.getvalue()


def flac(seconds: float, rate: int = 44_100) -> bytes:
    packed = rate << 44 | 1 << 41 | 15 << 36 | int(seconds * rate)
    return b"fLaC\0\0\0\x22" + bytes(10) + struct.pack(">Q", packed) + bytes(16) + b"\xff\xf8" * 999


def mp4(seconds: float, scale: int = 1000) -> bytes:
    header = struct.pack(">4s4xIIII", b"mvhd", 1, 1, scale, int(seconds * scale))
    return b"\0\0\0\x18ftypM4A " + bytes(50_000) + header


def mp3(seconds: float, head: bytes = b"\xff\xfb\x90\x00", kilobits: int = 128) -> bytes:
    return head + bytes(int(seconds * kilobits * 1000 / 8) - len(head))


TAG = b"ID3\4\0\0\0\0\2\1"
"""A tag of 257 bytes."""


@pytest.mark.parametrize(
    ("sound", "seconds"),
    [
        (wav(2.5), 3),
        (wav(61, 16_000), 62),
        (flac(3.2), 4),
        (mp4(185.4), 186),
        (mp3(9.5), 10),
        (mp3(9.5, b"\xff\xf3\x44\xc4", 32), 10),
        (TAG + bytes(257) + mp3(9.5), 10),
        (bytes(80_000), 10),
        (b"OggS" + bytes(7_996), 1),
        (b"x", 1),
        (b"", 0),
    ],
)
def test_begun_seconds_are_told(sound: bytes, seconds: int) -> None:
    assert seconds_of(sound, len(sound)) == seconds


@pytest.mark.parametrize(
    "sound",
    [
        b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0",
        b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x40\x1f\0\0\0\0\0\0\1\0\x08\0",
        b"fLaC" + bytes(40),
        mp4(1, 0),
        mp4(LONGEST_SECONDS + 1),
        b"\0\0\0\x18ftypM4A mvhd",
    ],
)
def test_headers_that_cannot_be_believed_are_not(sound: bytes) -> None:
    assert seconds_of(sound, 80_000) == 10


@given(st.binary(max_size=200), st.sampled_from([b"", b"RIFF", b"fLaC", b"ID3", b"\0\0\0\0ftyp"]))
def test_no_bytes_can_break_it(noise: bytes, opening: bytes) -> None:
    sound = opening + noise
    assert 0 <= seconds_of(sound, len(sound)) <= LONGEST_SECONDS


def test_a_large_recording_is_measured_by_its_ends() -> None:
    sound = mp4(185.4).replace(bytes(50_000), bytes(2_000_000))
    body = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.m4a"\r\n\r\n'
        + sound
        + b'\r\n--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nm\r\n--b--\r\n'
    )
    content = TranscriptionsCodec().decode_request(body)
    assert content.units() == {"second": 186}
