"""What is signed for Oracle's cloud: what its official client (2.189) signs."""

import json
from pathlib import Path

import pytest

from stockyard.providers.oci_signature import signature_fields
from stockyard.providers.signable import Signable

MOMENT = 1767323045.0
KEY_ID = "ocid1.tenancy.oc1..t/ocid1.user.oc1..u/20:3b:97"
SIGNED = json.loads(Path(__file__).with_name("oci_signatures.json").read_text())


@pytest.mark.parametrize("said", SIGNED, ids=lambda said: f"{said['method']} {said['target']}")
def test_a_request_is_signed_as_the_official_client_signs_it(said: dict[str, str]) -> None:
    texts: list[str] = []

    def sign(text: bytes) -> bytes:
        texts.append(text.decode())
        return b"SIG"

    request = Signable(said["method"], said["target"], said["host"], said["body"].encode())
    fields = dict(signature_fields(request, said["content_type"], KEY_ID, sign, MOMENT))
    assert texts == [said["text"]]
    assert fields.pop(b"authorization").decode() == said["authorization"]
    assert fields.pop(b"x-content-sha256", b"").decode() == said["sha"]
    assert fields == {b"date": b"Fri, 02 Jan 2026 03:04:05 GMT"}
