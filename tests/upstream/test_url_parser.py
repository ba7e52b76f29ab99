"""URLs: what is read, and that nothing is read which two parsers could read differently."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockyard.errors import EgressDenied
from stockyard.upstream.url import Url, parse_url

LONGEST = ".".join(["a" * 61] * 4) + ".house"


@pytest.mark.parametrize(
    ("text", "scheme", "host", "port", "target", "authority"),
    [
        ("https://api.a.example", "https", "api.a.example", 443, "", "api.a.example"),
        ("HTTPS://API.a.Example/V1", "https", "api.a.example", 443, "/V1", "api.a.example"),
        ("http://10.0.0.1:80/", "http", "10.0.0.1", 80, "/", "10.0.0.1"),
        ("https://a.example:8443?x=%20y", "https", "a.example", 8443, "?x=%20y", "a.example:8443"),
        ("https://[2001:DB8::0:1]:444/", "https", "2001:db8::1", 444, "/", "[2001:db8::1]:444"),
        ("https://xn--mnchen-3ya.example", "https", "xn--mnchen-3ya.example", 443, "", None),
        ("http://my_model-1:11434/v1", "http", "my_model-1", 11434, "/v1", "my_model-1:11434"),
        (f"https://{LONGEST}", "https", LONGEST, 443, "", LONGEST),
    ],
)
def test_a_plain_url_is_read(
    text: str, scheme: str, host: str, port: int, target: str, authority: str | None
) -> None:
    url = parse_url(text)
    assert (url.scheme, url.host, url.port, url.target) == (scheme, host, port, target)
    assert url.authority == (authority or host)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "url"),
        ("api.example", "url"),
        ("https:api.example", "url"),
        ("https://a.example/#top", "url"),
        ("https://a.example/%zz", "url"),
        ("https://a.example/a b", "url"),
        ("https://m\u00fcnchen.example", "url"),
        ("https://a.example:", "url"),
        ("https://a.example:-1", "url"),
        ("https://[::1%25lo]", "url"),
        ("ftp://a.example", "scheme"),
        ("https://a.example:0", "port"),
        ("https://a.example:99999", "port"),
        ("https://a.example.", "host"),
        ("https://1.2.3", "host"),
        ("https://1.2.3.4.5", "host"),
        ("https://256.1.1.1", "host"),
        ("https://01.1.1.1", "host"),
        ("https://0x7f000001", "host"),
        ("https://a.0x1", "host"),
        ("https://2130706433", "host"),
        ("https://[1.2.3.4]", "host"),
        ("https://[::g]", "url"),
        ("https://[:::]", "host"),
        ("https://a-.example", "host"),
        (f"https://a{LONGEST}", "url"),
        ("https://" + ".".join(["a" * 63] * 4) + ".example", "url"),
    ],
)
def test_a_url_in_doubt_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(EgressDenied) as denied:
        parse_url(text)
    assert denied.value.reason == reason


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    for start in ("", "https://", "https://a.example", "http://[::1]:8"):
        try:
            url = parse_url(start + text)
        except EgressDenied:
            continue
        assert isinstance(url, Url)
        assert (start + text).isascii()
        assert parse_url(f"{url.scheme}://{url.authority}{url.target}") == url
