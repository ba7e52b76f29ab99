"""Estimate how long an audio file is from its first bytes.

Transcriptions are billed by the second, and not every answer reports how many there were. Audio
files tell in their headers: exactly (WAV, FLAC, MP4), or by their bit rate (MP3). For the rest a
usual rate is assumed.
"""

import re
from math import ceil
from struct import unpack_from

USUAL_BITS_PER_SECOND = 64_000
LONGEST_SECONDS = 24 * 3600
"""Nobody takes longer recordings; a header that says more is not believed."""
_HEAD = 4096

# Thousands of bits a second, by the index in a frame's header: layer III of MPEG 1, and of MPEG 2.
_RATES_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0)
_RATES_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0)
_FRAME = re.compile(rb"\xff[\xe2\xe3\xf2\xf3\xfa\xfb][\x10-\xef]", re.DOTALL)


def seconds_of(sound: bytes, size: int) -> int:
    """Begun seconds of so many bytes, of which `sound` may be beginning and end only."""
    told = next((told for read in _READERS if (told := read(sound, size)) is not None), None)
    if told is None or not 0 < told <= LONGEST_SECONDS:
        told = size * 8 / USUAL_BITS_PER_SECOND
    return ceil(told)


def _wav(sound: bytes, size: int) -> float | None:
    at = sound.find(b"fmt ", 12, _HEAD)
    if not sound.startswith(b"RIFF") or at < 0 or at + 20 > len(sound):
        return None
    (per_second,) = unpack_from("<I", sound, at + 16)
    return size / per_second if per_second else None


def _flac(sound: bytes, size: int) -> float | None:
    if not sound.startswith(b"fLaC") or len(sound) < 26:
        return None
    (packed,) = unpack_from(">Q", sound, 18)
    rate, samples = packed >> 44, packed & 0xF_FFFF_FFFF
    return samples / rate if rate else None


def _mp4(sound: bytes, size: int) -> float | None:
    at = sound.find(b"mvhd") if sound[4:8] == b"ftyp" else -1
    if at < 0 or at + 24 > len(sound) or sound[at + 4]:
        return None
    scale, duration = unpack_from(">II", sound, at + 16)
    return duration / scale if scale else None


def _mp3(sound: bytes, size: int) -> float | None:
    start = 0
    if sound.startswith(b"ID3") and len(sound) > 10:
        # Seven bits of each byte count.
        a, b, c, d = sound[6:10]
        start = 10 + (a << 21 | b << 14 | c << 7 | d)
    frame = _FRAME.search(sound, start, start + _HEAD)
    if frame is None:
        return None
    rates = _RATES_1 if frame[0][1] & 0x18 == 0x18 else _RATES_2
    thousands = rates[frame[0][2] >> 4]
    return (size - start) * 8 / (thousands * 1000) if thousands else None


_READERS = (_wav, _flac, _mp4, _mp3)
