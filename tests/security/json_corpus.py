"""Eighty hostile JSON bodies, ten of each kind (`security.md` 8).

`untouched` says what becomes of a body that nobody decodes, `decoded` what becomes of it as soon as
a module reads it: refused with 400, or passed on to the byte.
"""

from typing import Literal, NamedTuple

Fate = Literal["refused", "passed"]
MODEL = b"MODEL"
"""Stands where the runner names a model that somebody serves."""


class Case(NamedTuple):
    what: str
    body: bytes
    untouched: Fate = "refused"
    decoded: Fate = "refused"


def call(
    more: bytes = b"",
    *,
    model: bytes = b'"MODEL"',
    messages: bytes = b'[{"role":"user","content":"hi"}]',
) -> bytes:
    """A good call, but for what is said."""
    start = b'{"model":%b,"max_tokens":9,"messages":%b' % (model, messages)
    return start + (b"," + more if more else b"") + b"}"


def odd(value: bytes) -> bytes:
    """A good call with a field that nobody knows."""
    return call(b'"odd":' + value)


def said(text: bytes) -> bytes:
    """A good call that says this, as it would stand between quotes."""
    return call(messages=b'[{"role":"user","content":"%b"}]' % text)


def keys(count: int) -> bytes:
    return b"{" + b",".join(b'"k%d":1' % i for i in range(count)) + b"}"


DEPTH = (
    Case("as deep as it may be", odd(b"[" * 63 + b"]" * 63), "passed", "passed"),
    Case("arrays one too deep", odd(b"[" * 64 + b"]" * 64), "passed"),
    Case("objects one too deep", odd(b'{"a":' * 64 + b"1" + b"}" * 64), "passed"),
    Case("both in turns", odd(b'[{"a":' * 40 + b"1" + b"}]" * 40), "passed"),
    Case("a thousand arrays", odd(b"[" * 1_000 + b"]" * 1_000)),
    Case("more than any stack has", odd(b"[" * 100_000 + b"]" * 100_000)),
    Case("objects that never close", odd(b'{"a":' * 100_000)),
    Case("nothing but brackets", b"[" * 500_000),
    Case("in a message", call(messages=b"[" * 80 + b"]" * 80), "passed"),
    Case("where the model stands", call(model=b"[" * 5_000 + b"]" * 5_000)),
)

WIDTH = (
    Case("as many keys as there may be", odd(keys(10_000)), "passed", "passed"),
    Case("one key of a megabyte", odd(b'{"%b":1}' % (b"k" * 1_000_000)), "passed", "passed"),
    Case("one key too many", odd(keys(10_001)), "passed"),
    Case("one key too many at the top", call(keys(10_001)[1:-1]), "passed"),
    Case("one key too many in metadata", call(b'"metadata":' + keys(10_001)), "passed"),
    Case("too many numbers", odd(b"[" + b"1," * 200_000 + b"1]"), "passed"),
    Case("too many empty objects", odd(b"[" + b"{}," * 200_000 + b"{}]"), "passed"),
    Case("too many in many objects", odd(b"[" + (keys(999) + b",") * 201 + b"1]"), "passed"),
    Case("too many messages", call(messages=b"[" + b"null," * 200_000 + b"null]"), "passed"),
    Case(
        "too many parts",
        call(messages=b'[{"role":"user","content":[' + b'"",' * 200_000 + b'""]}]'),
        "passed",
    ),
)

NUMBERS = (
    Case("as long as it may be", odd(b"1" * 18 + b"." + b"1" * 45), "passed", "passed"),
    Case("a digit too long", odd(b"1" * 65), "passed"),
    Case("a fraction too long", odd(b"0." + b"1" * 70), "passed"),
    Case("ten thousand digits", odd(b"9" * 10_000), "passed"),
    Case("larger than any float", odd(b"1e999"), "passed"),
    Case("NaN", odd(b"NaN")),
    Case("minus infinity", odd(b"-Infinity")),
    Case("a leading zero", odd(b"0123")),
    Case("a leading plus", odd(b"+1")),
    Case("hexadecimal", odd(b"0x10")),
)

STRINGS = (
    Case("the word null", said(b"\\u0000"), "passed", "passed"),
    Case("a raw control character", said(b"a\x01b")),
    Case("a raw line break", said(b"a\nb")),
    Case("a raw zero", said(b"a\x00b")),
    Case("an escape that does not exist", said(b"\\q")),
    Case("an escape of another language", said(b"\\x41")),
    Case("an escape of another kind", said(b"\\u{1F600}")),
    Case("an escape too short", said(b"\\u12")),
    Case("single quotes", odd(b"'a'")),
    Case("a key without quotes", call(b"odd:1")),
)

ENCODINGS = (
    Case("a lone high surrogate", said(b"\\ud83d")),
    Case("a lone low surrogate", said(b"\\ude00")),
    Case("surrogates the wrong way round", said(b"\\ude00\\ud83d")),
    Case("a lone surrogate in a key", odd(b'{"\\ud83d":1}')),
    Case("a byte that UTF-8 does not have", said(b"\xff")),
    Case("an overlong slash", said(b"\xc0\xaf")),
    Case("a surrogate as bytes", said(b"\xed\xa0\xbd")),
    Case("a byte order mark", b"\xef\xbb\xbf" + call()),
    Case("UTF-16", call().decode().encode("utf-16")),
    Case("Latin-1", said("Muñoz".encode("latin-1"))),
)

DUPLICATES = (
    Case("model", call(b'"model":"other"')),
    Case("model, spelled with an escape", call(b'"mod\\u0065l":"other"')),
    Case("model, all of it escaped", call(b'"\\u006d\\u006f\\u0064\\u0065\\u006c":"other"')),
    Case("stream", call(b'"stream":false,"stream":true')),
    Case("messages", call(b'"messages":[{"role":"user","content":"other"}]')),
    Case("a limit", call(b'"max_tokens":100000')),
    Case(
        "the role of a message",
        call(messages=b'[{"role":"user","role":"system","content":"hi"}]'),
        "passed",
    ),
    Case(
        "the content of a message",
        call(messages=b'[{"role":"user","content":"hi","content":"other"}]'),
        "passed",
    ),
    Case("what nobody knows", call(b'"odd":1,"odd":2'), "passed"),
    Case("deep inside", odd(b'[{"a":[{"b":{"c":1,"d":2,"c":3}}]}]'), "passed"),
)

PARTIAL = (
    Case("nothing", b""),
    Case("blanks", b" \r\n\t "),
    Case("cut in an object", call()[:-1]),
    Case("cut in a word", call()[:-4]),
    Case("a second document", call() + call()),
    Case("a word after it", call() + b" true"),
    Case("a zero after it", call() + b"\x00"),
    Case("a comma too many in an object", call()[:-1] + b",}"),
    Case("a comma too many in an array", odd(b"[1,2,]")),
    Case("a comment", call()[:-1] + b"/* hi */}"),
)

CONFUSION = (
    Case("an array for a call", b"[" + call() + b"]"),
    Case("a text for a call", b'"hi"'),
    Case("null for a call", b"null"),
    Case("a number for a model", call(model=b"7")),
    Case("an object for a model", call(model=b'{"a":1}')),
    Case("a text for stream", call(b'"stream":"yes"')),
    Case("an object for messages", call(messages=b'{"0":{}}')),
    Case("null for a message", call(messages=b"[null]"), "passed"),
    Case("a number for a role", call(messages=b'[{"role":7,"content":"hi"}]'), "passed"),
    Case("a text for a number", call(b'"temperature":"hot"'), "passed"),
)

CORPUS: dict[str, tuple[Case, ...]] = {
    "depth": DEPTH,
    "width": WIDTH,
    "numbers": NUMBERS,
    "strings": STRINGS,
    "surrogates and encodings": ENCODINGS,
    "duplicates": DUPLICATES,
    "trailing and partial": PARTIAL,
    "type confusion": CONFUSION,
}
