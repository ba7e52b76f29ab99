"""Validators: what each takes and what it does not."""

import pytest

from stockyard.core.scan.checks import CHECKS, entropy_bits, random_looking

CASES = [
    ("luhn", "7992 7398 713", True),
    ("luhn", "7992 7398 714", False),
    ("card", "4111-1111-1111-1111", True),
    ("card", "0000000000000000", False),
    ("card", "411111111111", False),
    ("iban", "GB82 WEST 1234 5698 7654 32", True),
    ("iban", "GB82 WEST 1234 5698 7654 33", False),
    ("iban", "GB82 WEST 1234 5698 7654", False),
    ("ipv4", "192.0.2.1", True),
    ("ipv4", "192.0.2.01", False),
    ("ipv4", "255.255.255.255", False),
    ("ipv6", "2001:db8::1", True),
    ("ipv6", "12:30:45", False),
    ("ipv6", "::1", False),
    ("mac", "00:1a:2b:3c:4d:5e", True),
    ("mac", "ff:ff:ff:ff:ff:ff", False),
    ("birth_date", "29.02.1984", True),
    ("birth_date", "29.02.1985", False),
    ("birth_date", "12/31/1999", True),
    ("birth_date", "May 12, 1984", True),
    ("birth_date", "May 32, 1984", False),
    ("birth_date", "1.1.1850", False),
    ("coordinates", "52.5200, 13.4049", True),
    ("coordinates", "52.5200, 213.4049", False),
    ("phone", "+49 30 901820", True),
    ("phone", "+1 212 555 019", False),
    ("phone_us", "(212) 555-0198", True),
    ("phone_us", "(112) 555-0198", False),
    ("base58check", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", True),
    ("base58check", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb", False),
    ("base58check", "0OIl", False),
    ("bech32", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", True),
    ("bech32", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5", False),
    ("bech32", "bc1b", False),
    ("meant", "Zq3Wm8Kt", True),
    ("meant", "YOUR_KEY_HERE", False),
    ("meant", "aaaaaaaaaaaa", False),
    ("jwt", "eyJhbGciOiJIUzI1NiJ9.e30.x", True),
    ("jwt", "eyJhIjoxfQ.e30.x", False),
    ("jwt", "!!!.e30.x", False),
    ("basic_auth", "Ym9iOlpxM1dtOEt0", True),
    ("basic_auth", "Ym9i", False),
    ("basic_auth", "not base64", False),
    ("password_in_url", "hunter2!", True),
    ("password_in_url", "password", False),
    ("password_in_url", "${PASSWORD}", False),
    ("random_looking", "Zq3Wm8KthR5vB2nX", True),
    ("random_looking", "123e4567-e89b-12d3-a456-426614174000", False),
    ("random_looking", "3f786850e387550fdab836ed7e6dc881de23001b", False),
    ("random_looking", "sha256:9f86d081884c7d659a2feaa0c55ad015", False),
    ("random_looking", "config.database.password1", False),
    ("random_looking", "correcthorsebatterystaple", False),
]


@pytest.mark.parametrize(("check", "text", "passes"), CASES)
def test_a_check_tells_real_from_made_up(check: str, text: str, passes: bool) -> None:
    assert CHECKS[check](text) is passes


def test_entropy_is_counted_in_bits_per_character() -> None:
    assert entropy_bits("aaaa") == 0
    assert entropy_bits("abcd") == 2


def test_how_random_a_value_must_look_can_be_set() -> None:
    assert random_looking(2.0)("ab12ab12ab12ab12")
    assert not random_looking(3.5)("ab12ab12ab12ab12")
