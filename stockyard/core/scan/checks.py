"""Conditions on a candidate beyond its pattern: check digits, real dates, ranges, entropy.

Each check is a small function of the matched text, and rules name it as in `CHECKS`. If it is a
published algorithm, its docstring says which. Samples in the packs and vectors in the tests show
that it is right.
"""

import base64
import binascii
import hashlib
import re
from collections import Counter
from collections.abc import Callable
from datetime import date
from ipaddress import IPv6Address
from math import log2
from typing import TypeAlias

import msgspec

from stockyard.core.scan.luhn import passes_luhn
from stockyard.core.scan.national import NATIONAL
from stockyard.core.scan.regex import finder

Check: TypeAlias = Callable[[str], bool]

NOT_MEANT = finder(
    r"(?i)example|sample|dummy|placeholder|changeme|change[_-]me|your|redacted|insert|replace"
    r"|xxxx|\*\*\*|\.\.\.|00000000|1234567890(?:\D|\z)|abcdefgh|foobar|<|\$\{|\{\{|%\(|\$\("
)
"""Words and signs that people write in place of a secret."""
SPEAKS_OF_ITSELF = re.compile(
    r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|(?:sha\d+|md5)[-:].*|[0-9a-f]{40}|[0-9a-f]{64}"
    r"|(?:process\.env|os\.environ|getenv|secrets?\.|vars?\.|env\.|config\.).*"
    r"|[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+(?:\(.*)?|https?://.*|/[\w./\-]*",
    re.IGNORECASE,
)
"""UUIDs, digests, commit ids, and code that only names where a secret is."""


def digits(text: str) -> str:
    return "".join(filter(str.isdigit, text))


def luhn(text: str) -> bool:
    return passes_luhn(list(map(int, digits(text))))


def card(text: str) -> bool:
    number = digits(text)
    return 13 <= len(number) <= 19 and len(set(number)) > 1 and luhn(number)


IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22,
    "BR": 29, "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28,
    "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23,
    "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26,
    "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20,
    "LV": 21, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30, "NL": 18,
    "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "SA": 24,
    "SC": 31, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "ST": 25, "SV": 28, "TL": 23, "TN": 24,
    "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
}  # fmt: skip
"""ISO 13616 registry."""


def iban(text: str) -> bool:
    """ISO 13616: the letters as numbers, the first four characters last, modulo 97 is 1."""
    code = "".join(filter(str.isalnum, text.upper()))
    if IBAN_LENGTHS.get(code[:2]) != len(code):
        return False
    return int("".join(str(int(c, 36)) for c in code[4:] + code[:4])) % 97 == 1


OCTETS = frozenset(map(str, range(256)))


def ipv4(text: str) -> bool:
    """Four numbers up to 255 without leading zeros; not this network, this host or broadcast."""
    octets = text.split(".")
    return (
        OCTETS.issuperset(octets)
        and octets[0] != "0"
        and text != "255.255.255.255"
        and not text.startswith("127.")
    )


def ipv6(text: str) -> bool:
    try:
        address = IPv6Address(text)
    except ValueError:
        return False
    written = len(text) >= 6 and any(c.isdigit() for c in text)
    return written and not (address.is_unspecified or address.is_loopback)


def mac(text: str) -> bool:
    octets = {c for c in text.lower() if c.isalnum()}
    return octets not in ({"0"}, {"f"})


MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def birth_date(text: str) -> bool:
    """A date on which a living person may have been born, in any usual order."""
    month = next((n for n, name in enumerate(MONTHS, 1) if name in text.lower()), 0)
    numbers = [int(n) for n in re.findall(r"\d+", text)]
    if month:
        day, year = numbers[0], numbers[-1]
        return _real(year, month, day)
    if len(numbers) != 3:
        return False
    a, b, c = numbers
    return _real(a, b, c) if a > 31 else _real(c, b, a) or _real(c, a, b)


def _real(year: int, month: int, day: int) -> bool:
    try:
        return date(1905, 1, 1) <= date(year, month, day) <= date(2035, 12, 31)
    except ValueError:
        return False


def coordinates(text: str) -> bool:
    latitude, longitude = (float(n) for n in re.findall(r"-?\d+\.\d+", text)[:2])
    return abs(latitude) <= 90 and abs(longitude) <= 180


PHONE_LENGTHS = {
    "1": (10, 10), "7": (10, 10), "20": (8, 10), "27": (9, 9), "30": (10, 10), "31": (9, 9),
    "32": (8, 9), "33": (9, 9), "34": (9, 9), "36": (8, 9), "39": (8, 11), "40": (9, 9),
    "41": (9, 9), "43": (7, 13), "44": (9, 10), "45": (8, 8), "46": (7, 10), "47": (8, 8),
    "48": (9, 9), "49": (6, 13), "51": (8, 9), "52": (10, 11), "54": (10, 11), "55": (10, 11),
    "56": (9, 9), "57": (8, 10), "60": (8, 10), "61": (9, 9), "62": (8, 12), "63": (8, 10),
    "64": (8, 10), "65": (8, 8), "66": (8, 9), "81": (9, 10), "82": (8, 10), "84": (9, 10),
    "86": (10, 11), "90": (10, 10), "91": (10, 10), "92": (9, 10), "351": (9, 9), "352": (6, 11),
    "353": (7, 9), "358": (6, 12), "359": (8, 9), "370": (8, 8), "371": (8, 8), "372": (7, 8),
    "380": (9, 9), "381": (8, 9), "385": (8, 9), "386": (8, 8), "420": (9, 9), "421": (9, 9),
    "852": (8, 8), "886": (8, 9), "966": (8, 9), "971": (8, 9), "972": (8, 9),
}  # fmt: skip
"""Digits behind the country code (ITU-T E.164 numbering plans). Other countries: 6 to 12."""


def phone(text: str) -> bool:
    number = digits(text.replace("(0)", ""))
    number = number[2:] if text.lstrip("( ").startswith("00") else number
    for length in (1, 2, 3):
        plan = PHONE_LENGTHS.get(number[:length])
        if plan is not None:
            return plan[0] <= len(number) - length <= plan[1]
    return 9 <= len(number) <= 15


def phone_us(text: str) -> bool:
    """North American plan: area code and exchange start with 2-9; 555-01xx is for fiction."""
    number = digits(text)[-10:]
    return len(number) == 10 and number[0] in "23456789" and number[3] in "23456789"


ALPHABET58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def base58check(text: str) -> bool:
    """A number in base 58 whose last four bytes begin the double SHA-256 of the others."""
    number = 0
    for c in text:
        if c not in ALPHABET58:
            return False
        number = number * 58 + ALPHABET58.index(c)
    try:
        data = number.to_bytes(25, "big")
    except OverflowError:
        return False
    return hashlib.sha256(hashlib.sha256(data[:-4]).digest()).digest()[:4] == data[-4:]


def bech32(text: str) -> bool:
    """BIP 173 and BIP 350: the polymod of the expanded text is one of two constants."""
    human, _, data = text.lower().rpartition("1")
    values = [ord(c) >> 5 for c in human] + [0] + [ord(c) & 31 for c in human]
    values += [BECH32.find(c) for c in data]
    if -1 in values:
        return False
    checksum = 1
    for value in values:
        top = checksum >> 25
        checksum = (checksum & 0x1FFFFFF) << 5 ^ value
        for n, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            checksum ^= generator if top >> n & 1 else 0
    return checksum in (1, 0x2BC830A3)


def _stands_for_one(text: str) -> bool:
    return NOT_MEANT(text.encode("utf-8", "surrogatepass"), 0) is not None


def meant(text: str) -> bool:
    """Neither an example, a mask or a template's placeholder, nor one character repeated."""
    return len(set(text)) > 3 and not _stands_for_one(text)


def entropy_bits(text: str) -> float:
    """Shannon entropy per character."""
    repeated = sum(n * log2(n) for n in Counter(text).values() if n > 1)
    return log2(len(text)) - repeated / len(text)


def random_looking(least_bits: float) -> Check:
    """A random value: it has enough entropy, and is no digest, path or name in code."""

    def check(text: str) -> bool:
        return (
            meant(text)
            and any(c.isdigit() for c in text)
            and entropy_bits(text) >= least_bits
            and SPEAKS_OF_ITSELF.fullmatch(text) is None
        )

    return check


def jwt(text: str) -> bool:
    """RFC 7519: the first part is base64url of a JSON object that names an algorithm."""
    try:
        header = msgspec.json.decode(_base64url(text.split(".")[0]))
    except (binascii.Error, msgspec.DecodeError, ValueError):
        return False
    return isinstance(header, dict) and "alg" in header


def _base64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def basic_auth(text: str) -> bool:
    """RFC 7617: base64 of `user:password`."""
    try:
        user, colon, password = base64.b64decode(text, validate=True).partition(b":")
    except binascii.Error:
        return False
    return bool(user and colon and password) and meant(password.decode("utf-8", "replace"))


def password_in_url(text: str) -> bool:
    return len(text) >= 3 and not _stands_for_one(text) and text.lower() not in WEAK


WEAK = frozenset(
    {"password", "passwd", "pass", "secret", "pwd", "user", "root", "test", "postgres"}
)

CHECKS: dict[str, Check] = {
    "luhn": luhn,
    "card": card,
    "iban": iban,
    "ipv4": ipv4,
    "ipv6": ipv6,
    "mac": mac,
    "birth_date": birth_date,
    "coordinates": coordinates,
    "phone": phone,
    "phone_us": phone_us,
    "base58check": base58check,
    "bech32": bech32,
    "meant": meant,
    "random_looking": random_looking(3.5),
    "jwt": jwt,
    "basic_auth": basic_auth,
    "password_in_url": password_in_url,
    **NATIONAL,
}
