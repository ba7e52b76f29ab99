"""Signatures against the examples that AWS publishes (aws-sig-v4-test-suite)."""

import json
from pathlib import Path
from typing import cast

import pytest

from stockyard.providers.signable import Signable
from stockyard.providers.sigv4 import Scope, SigningKeys, signature_fields
from stockyard.wire.large_body import LargeBody

KEYS = SigningKeys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
SCOPE = Scope("us-east-1", "service")
HOST = "example.amazonaws.com"
MOMENT = 1440938160.0
"""2015-08-30 12:36:00 UTC."""
SESSION = (
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPf"
    "IeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7W"
    "Z0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8F"
    "DrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="
)


def proof(request: Signable, keys: SigningKeys = KEYS) -> str:
    fields = dict(signature_fields(request, keys, SCOPE, MOMENT))
    assert fields[b"x-amz-date"] == b"20150830T123600Z"
    return fields[b"authorization"].decode()


@pytest.mark.parametrize(
    ("method", "target", "signature"),
    [
        ("GET", "/", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("POST", "/", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        (
            "GET",
            "/?Param2=value2&Param1=value1",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        (
            "POST",
            "/?Param1=value1",
            "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11",
        ),
        (
            "GET",
            "/?Param1=value2&Param1=Value1",
            "eedbc4e291e521cf13422ffca22be7d2eb8146eecf653089df300a15b2382bd1",
        ),
    ],
)
def test_a_signature_is_that_of_the_published_example(
    method: str, target: str, signature: str
) -> None:
    assert proof(Signable(method, target, HOST, b"")) == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        f"SignedHeaders=host;x-amz-date, Signature={signature}"
    )


def test_a_session_token_is_sent_and_signed() -> None:
    keys = SigningKeys(KEYS.id, KEYS.secret, SESSION)
    shown = proof(Signable("POST", "/", HOST, b""), keys)
    assert "SignedHeaders=host;x-amz-date;x-amz-security-token, " in shown
    assert shown.endswith("85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead")


@pytest.mark.parametrize(
    ("target", "signature"),
    [
        (
            "/model/a%3A0/converse",
            "beec2fcfc4c92a2ce105f1fde0cf361c24995a6d8d70568529d35093688afd06",
        ),
        (
            "/model/arn%3Aaws%3Abedrock%3A%2Fx/invoke?b=2&a=1",
            "d954fc13344ef3f8098049838ccb934951a6f671230efeae9dcac38e96dd080d",
        ),
    ],
)
def test_an_encoded_path_is_signed_encoded_once_more(target: str, signature: str) -> None:
    """As botocore signs the same request."""
    shown = proof(Signable("POST", target, HOST, b'{"messages":[]}'))
    assert shown.endswith(f"Signature={signature}")


@pytest.mark.parametrize(
    "other",
    [
        Signable("PUT", "/a", HOST, b"x"),
        Signable("POST", "/b", HOST, b"x"),
        Signable("POST", "/a?b", HOST, b"x"),
        Signable("POST", "/a", "other.example", b"x"),
        Signable("POST", "/a", HOST, b"y"),
    ],
)
def test_every_part_is_signed(other: Signable) -> None:
    assert proof(other) != proof(Signable("POST", "/a", HOST, b"x"))


def test_a_body_in_pieces_is_signed_like_its_bytes() -> None:
    pieces = cast(bytes, LargeBody([memoryview(b"one"), memoryview(b"two")]))
    signed = proof(Signable("POST", "/", HOST, b"onetwo"))
    assert proof(Signable("POST", "/", HOST, pieces)) == signed


def test_the_secret_cannot_be_printed() -> None:
    assert KEYS.secret not in f"{KEYS} {KEYS!r} {[KEYS]}"


SIGNED = json.loads(Path(__file__).with_name("sigv4_signatures.json").read_text())
"""What botocore 1.44 signs, with its headers reduced to those that we sign."""


@pytest.mark.parametrize("signed", SIGNED["signed"], ids=lambda s: f"{s['service']} {s['target']}")
def test_a_signature_is_that_of_the_official_client(signed: dict[str, str]) -> None:
    request = Signable(signed["method"], signed["target"], signed["host"], signed["body"].encode())
    keys = SigningKeys(SIGNED["id"], SIGNED["secret"], signed["session"])
    scope = Scope(signed["region"], signed["service"])
    fields = dict(signature_fields(request, keys, scope, SIGNED["moment"]))
    assert fields[b"x-amz-date"].decode() == signed["date"]
    assert fields[b"authorization"].decode() == signed["authorization"]
