"""Calls to Oracle's cloud: whose key signs them, and what is signed."""

import re
from base64 import b64decode
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as other_key
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from stockyard.core.target import Secret
from stockyard.errors import UpstreamError
from stockyard.testing.received import ReceivedRequest
from stockyard.testing.yard import Yard
from stockyard.upstream.tokens.oci_file import OciFile

PATH = "/20231130/actions/chat"
BODY = b'{"compartmentId": "c",  "chatRequest": {}}'
PROOF = re.compile(r'(\w+)="([^"]*)"')


@pytest.fixture(scope="module")
def key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def config(key: RSAPrivateKey, tmp_path: Path) -> Path:
    """As Oracle's tools write it: one profile with all, and others that differ from it."""
    pem, sealed = tmp_path / "key.pem", tmp_path / "sealed.pem"
    form = PrivateFormat.TraditionalOpenSSL
    pem.write_bytes(key.private_bytes(Encoding.PEM, form, NoEncryption()))
    sealed.write_bytes(key.private_bytes(Encoding.PEM, form, BestAvailableEncryption(b"p%s")))
    other = tmp_path / "other.pem"
    elliptic = other_key(SECP256R1())
    other.write_bytes(elliptic.private_bytes(Encoding.PEM, form, NoEncryption()))
    (tmp_path / "token").write_text("the-session-token\n")
    file = tmp_path / "config"
    file.write_text(
        f"[DEFAULT]\nuser=u\nfingerprint=20:3b\ntenancy=t\nregion=eu\nkey_file={pem}\n"
        f"[sealed]\nkey_file={sealed}\npass_phrase=p%s\n"
        f"[session]\nsecurity_token_file={tmp_path}/token\n"
        f"[locked]\nkey_file={sealed}\n"
        f"[elliptic]\nkey_file={other}\n"
        "[absent]\nkey_file=/nowhere\n"
        "[nobody]\nuser=\n"
    )
    return file


def proof_of(request: ReceivedRequest) -> dict[str, str]:
    scheme, _, proof = request.headers["authorization"].partition(" ")
    assert scheme == "Signature"
    return dict(PROOF.findall(proof))


def verified(request: ReceivedRequest, key: RSAPrivateKey) -> bool:
    """Whether the signature is that of the request as it came."""
    said = proof_of(request)
    values = {**request.headers, "(request-target)": f"{request.method.lower()} {request.target}"}
    text = "\n".join(f"{name}: {values[name]}" for name in said["headers"].split())
    try:
        key.public_key().verify(b64decode(said["signature"]), text.encode(), PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


@pytest.mark.parametrize(
    ("profile", "key_id"),
    [("", "t/u/20:3b"), ("sealed", "t/u/20:3b"), ("session", "ST$the-session-token")],
)
async def test_a_call_is_signed_by_the_key_of_the_profile(
    yard: Yard, config: Path, key: RSAPrivateKey, profile: str, key_id: str
) -> None:
    settings = {"region": "eu-frankfurt-1", **({"profile": profile} if profile else {})}
    oci = yard.provider("oci", settings=settings, api_key=str(config))
    oci.sends(200, {"content-type": "application/json"}, b"{}")
    answer = await yard.call(f"/oci{PATH}", BODY)
    assert answer.status == 200
    assert (oci.last.target, oci.last.body) == (PATH, BODY)
    assert verified(oci.last, key)
    said = proof_of(oci.last)
    assert (said["keyId"], said["algorithm"], said["version"]) == (key_id, "rsa-sha256", "1")
    assert said["headers"].split()[-1] == "x-content-sha256"


@pytest.mark.parametrize(
    ("profile", "what"),
    [
        ("ghost", "no profile 'ghost'"),
        ("locked", "no private key that can be read"),
        ("elliptic", "another private key than RSA"),
        ("absent", "cannot be read"),
        ("nobody", "must say tenancy, user, fingerprint"),
    ],
)
async def test_a_profile_that_cannot_sign_says_why(config: Path, profile: str, what: str) -> None:
    with pytest.raises(UpstreamError, match=what) as raised:
        await OciFile(Secret(str(config)), profile).fetch()
    assert (raised.value.kind, raised.value.nothing_sent) == ("auth", True)


@pytest.mark.parametrize("content", [b"\xff", b"no section", b"[a\n"])
async def test_a_file_that_makes_no_sense_says_so(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "config"
    file.write_bytes(content)
    with pytest.raises(UpstreamError, match="cannot be read"):
        await OciFile(Secret(str(file)), "").fetch()


async def test_a_token_of_a_session_is_a_secret(config: Path) -> None:
    found = await OciFile(Secret(str(config)), "session").fetch()
    assert "the-session-token" in {*found.secrets()}
    assert "the-session-token" not in str(found.secret)
