"""A scripted provider can speak TLS, or leave a handshake unanswered."""

import asyncio
import datetime
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from stockyard.testing import ScriptedProvider

CALL = b"POST /v1/messages HTTP/1.1\r\nhost: p\r\ncontent-length: 2\r\n\r\n{}"


@pytest.fixture
def certificate(tmp_path: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    valid = builder.not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
    pem = valid.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    pem += key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path = tmp_path / "both.pem"
    path.write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


@pytest.fixture
def trusting() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


async def called(provider: ScriptedProvider, tls: ssl.SSLContext) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", provider.port, ssl=tls)
    writer.write(CALL)
    try:
        return await asyncio.wait_for(reader.read(), 5)
    finally:
        writer.transport.abort()


async def test_it_answers_over_tls(certificate: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    async with ScriptedProvider(tls=certificate) as provider:
        provider.says("hello").closes()
        assert provider.url.startswith("https://")
        assert b'"text":"hello"' in await called(provider, trusting)


async def test_a_reset_is_a_reset_over_tls_too(
    certificate: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    async with ScriptedProvider(tls=certificate) as provider:
        provider.says("hello").cuts_after("nothing", how="rst")
        with pytest.raises(ConnectionResetError):
            await called(provider, trusting)


async def test_a_handshake_may_get_no_answer(trusting: ssl.SSLContext) -> None:
    async with ScriptedProvider() as provider:
        provider.says_nothing()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(called(provider, trusting), 0.1)
        assert provider.connections == 1
