"""TLS towards providers: certificates are always verified, against the system's or a named CA."""

import ssl

import msgspec

from stockyard.errors import UpstreamError

_CERTIFICATE_FAULTS = {
    9: "is not valid yet",
    10: "has expired",
    62: "is for another name",
    64: "is for another address",
}
"""Verification codes of OpenSSL that an operator can do something about, in words."""


class TlsSettings(msgspec.Struct, frozen=True):
    ca_file: str | None = None
    """Trusted instead of the system's authorities."""
    client_cert: str | None = None
    client_key: str | None = None


def tls_context(settings: TlsSettings) -> ssl.SSLContext:
    """Read the certificates: some 20 ms of work with files, so not on the event loop."""
    context = ssl.create_default_context(cafile=settings.ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if settings.client_cert is not None:
        context.load_cert_chain(settings.client_cert, settings.client_key)
    return context


def tls_failure(error: Exception) -> UpstreamError:
    """A handshake that failed, in words without names or addresses."""
    if isinstance(error, ssl.SSLCertVerificationError):
        fault = _CERTIFICATE_FAULTS.get(error.verify_code, "is not from a trusted authority")
        return UpstreamError(
            "unreachable", f"The provider's TLS certificate {fault}.", code="tls", nothing_sent=True
        )
    return UpstreamError(
        "unreachable", "The TLS handshake with the provider failed.", code="tls", nothing_sent=True
    )
