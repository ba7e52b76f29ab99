"""Token counts of the format, both ways. Tool prompts and thoughts stand beside the others here."""

from collections.abc import Mapping
from typing import Any

from stockyard.core.money import Usage
from stockyard.wire.usage import MAX_COUNTS, Counts

MAX_DETAILS = 64
"""Kinds of tokens that one count is split into."""

_TOLD_BY = ("promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount", "totalTokenCount")
_READ = (
    *_TOLD_BY,
    *("cachedContentTokenCount", "toolUsePromptTokenCount"),
    *("promptTokensDetails", "candidatesTokensDetails", "cacheTokensDetails"),
)


def read_usage(said: Mapping[str, Any]) -> Usage | None:
    """Usage from `usageMetadata`; None when it counts nothing. A count of 0 may be left out."""
    counts = Counts(said)
    if all(counts.get(name) is None for name in _TOLD_BY):
        return None
    prompt, cached = counts.count("promptTokenCount"), counts.count("cachedContentTokenCount")
    tool = counts.count("toolUsePromptTokenCount")
    text, thoughts = counts.count("candidatesTokenCount"), counts.count("thoughtsTokenCount")
    if counts.get("totalTokenCount") not in (None, prompt + tool + text + thoughts):
        counts.flag("usage_inconsistent")
    in_audio, in_image = _audio_and_image(said.get("promptTokensDetails"))
    out_audio, out_image = _audio_and_image(said.get("candidatesTokensDetails"))
    in_cached_audio, in_cached_image = _audio_and_image(said.get("cacheTokensDetails"))
    return Usage(
        in_fresh=counts.minus(prompt, cached),
        in_cached=min(cached, prompt),
        in_tool=tool,
        out_text=text,
        out_reasoning=thoughts,
        in_audio=in_audio,
        in_image=in_image,
        out_audio=out_audio,
        out_image=out_image,
        in_cached_audio=in_cached_audio,
        in_cached_image=in_cached_image,
        flags=counts.flags,
    )


def write_usage(usage: Usage) -> dict[str, Any]:
    """The usage object of an answer. Reading it back gives the same prompt and completion."""
    prompt = usage.prompt - usage.in_tool
    counts: dict[str, Any] = {
        "promptTokenCount": prompt,
        "candidatesTokenCount": usage.out_text,
        "totalTokenCount": usage.total,
    }
    others = {
        "cachedContentTokenCount": usage.in_cached,
        "toolUsePromptTokenCount": usage.in_tool,
        "thoughtsTokenCount": usage.out_reasoning,
    }
    counts |= {name: count for name, count in others.items() if count}
    for name, whole, audio, image in (
        ("promptTokensDetails", prompt, usage.in_audio, usage.in_image),
        ("cacheTokensDetails", usage.in_cached, usage.in_cached_audio, usage.in_cached_image),
        ("candidatesTokensDetails", usage.out_text, usage.out_audio, usage.out_image),
    ):
        if audio or image:
            counts[name] = _details(whole, audio, image)
    return counts


class UsageSoFar:
    """Usage of a stream. Every event may repeat it, and a later one may know less.

    The last one counts; of what it leaves out, the most that was ever said.
    """

    __slots__ = ("_last", "_most", "_others")

    def __init__(self) -> None:
        self._last: Mapping[str, Any] = {}
        self._most: dict[str, int] = {}
        self._others: dict[str, Any] = {}

    def add(self, said: Mapping[str, Any]) -> None:
        for name, value in self._last.items():
            if type(value) is not int:
                self._others[name] = value
            elif value > self._most.get(name, -1):
                self._most[name] = value
        if len(said) + len(self._most) + len(self._others) > MAX_COUNTS:
            said = {name: said[name] for name in _READ if name in said}
        self._last = said

    def usage(self) -> Usage | None:
        return read_usage({**self._others, **self._most, **self._last}) if self._last else None


def _audio_and_image(details: Any) -> tuple[int, int]:
    counted = {"AUDIO": 0, "IMAGE": 0}
    for detail in details[:MAX_DETAILS] if type(details) is list else ():
        kind = detail.get("modality") if type(detail) is dict else None
        if isinstance(kind, str) and kind in counted:
            counted[kind] += Counts(detail).count("tokenCount")
    return counted["AUDIO"], counted["IMAGE"]


def _details(whole: int, audio: int, image: int) -> list[dict[str, Any]]:
    split = {"TEXT": max(whole - audio - image, 0), "AUDIO": audio, "IMAGE": image}
    return [{"modality": kind, "tokenCount": n} for kind, n in split.items() if n]
