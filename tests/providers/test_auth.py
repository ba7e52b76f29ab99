"""How a secret is shown to a provider."""

import pytest

from stockyard.errors import InvalidConfig
from stockyard.providers.auth import authorize, known, provider_of_secret, sendable


@pytest.mark.parametrize(
    ("scheme", "fields", "query"),
    [
        ("bearer", ((b"authorization", b"Bearer s3cret/+="),), ""),
        ("header:x-api-key", ((b"x-api-key", b"s3cret/+="),), ""),
        ("header:Authorization:Key", ((b"authorization", b"Key s3cret/+="),), ""),
        ("header:Authorization:", ((b"authorization", b"s3cret/+="),), ""),
        ("query:key", (), "key=s3cret%2F%2B%3D"),
        ("none", (), ""),
    ],
)
def test_each_scheme_shows_the_secret_in_its_own_way(
    scheme: str, fields: tuple[tuple[bytes, bytes], ...], query: str
) -> None:
    proof = authorize(scheme, "s3cret/+=")

    assert known(scheme)
    assert (proof.fields, proof.query) == (fields, query)


@pytest.mark.parametrize(
    "scheme",
    ["", "sigv4", "google:x", "smoke", "header", "header:", "query:", "bearer:x", "a:b:c:d"],
)
def test_other_schemes_are_not_known(scheme: str) -> None:
    assert not known(scheme)


@pytest.mark.parametrize("secret", ["", "a\r\nx: y", "a\x00b", "schlüssel", "a b", "tab\t", "…"])
def test_a_secret_that_no_header_can_carry_is_refused(secret: str) -> None:
    assert not sendable(secret)
    for scheme in ("bearer", "header:x-api-key", "query:key"):
        with pytest.raises(InvalidConfig) as refused:
            authorize(scheme, secret)
        assert secret not in refused.value.message or not secret


@pytest.mark.parametrize(
    ("secret", "provider"),
    [
        ("sk-ant-api03-x", "anthropic"),
        ("sk-or-v1-x", "openrouter"),
        ("sk-proj-x", "openai"),
        ("sk-svcacct-x", "openai"),
        ("sk-x", "openai"),
        ("gsk_x", "groq"),
        ("xai-x", "xai"),
        ("AIzax", "gemini"),
        ("sk-sy-x", None),
        ("something", None),
        ("", None),
    ],
)
def test_the_longest_shape_says_whose_secret_it_is(secret: str, provider: str | None) -> None:
    assert provider_of_secret(secret) == provider
