"""Headers on native routes: what concerns only one side stays there."""

from collections.abc import Mapping

import pytest

from stockyard.testing.yard import Yard
from tests.gateway.native_calls import CHAT, REQUEST


@pytest.mark.parametrize(
    "stays",
    [
        {"cookie": "a=b"},
        {"x-api-key": "k"},
        {"x-goog-api-key": "k"},
        {"api-key": "k"},
        {"x-admin-key": "k"},
        {"cookie2": "$Version=1"},
        {"x-amz-security-token": "x", "x-amz-date": "x", "x-amz-content-sha256": "x"},
        {"via": "1.1 proxy", "x-real-ip": "10.0.0.1"},
        {"trailer": "x-sum", "keep-alive": "timeout=5", "proxy-connection": "keep-alive"},
        {"x-stainless-os": "Linux"},
        {"x-stockyard-tags": "a=b"},
        {"x-forwarded-for": "10.0.0.1"},
        {"forwarded": "for=10.0.0.1"},
        {"proxy-authorization": "x"},
        {"te": "trailers"},
        {"x-odd": "1", "connection": "x-odd"},
        {"accept-encoding": "gzip"},
        {"x-http-method-override": "GET", "x-http-method": "GET", "x-method-override": "GET"},
        {"x-original-url": "/v1/files", "x-rewrite-url": "/v1/files"},
        {"x-envoy-original-path": "/v1/files"},
    ],
)
async def test_headers_that_are_not_for_the_provider_stay_here(
    yard: Yard, stays: Mapping[str, str]
) -> None:
    openai = yard.provider("openai").says("hello")
    assert (await yard.call(CHAT, REQUEST, headers=stays)).status == 200
    sent = openai.last.headers
    kept = {name: sent[name] for name in stays if name in sent and name != "accept-encoding"}
    assert kept == {}
    assert sent["accept-encoding"] == "identity"
    assert sent["authorization"] == "Bearer secret-of-openai"
    assert yard.key not in str(openai.last.raw_headers)


async def test_our_key_stays_here_in_whatever_field_it_comes(yard: Yard) -> None:
    openai = yard.provider("openai").says("hello")
    await yard.open()
    admin = "sya-" + "x" * 49
    odd = {"helicone-auth": f"Bearer {yard.key}", "x-mine": yard.key, "x-admin": admin}
    assert (await yard.call(CHAT, REQUEST, headers=odd)).status == 200
    assert yard.key not in str(openai.last.raw_headers)
    assert admin not in str(openai.last.raw_headers)


async def test_only_our_secret_is_shown_in_the_field_that_its_provider_reads(yard: Yard) -> None:
    elevenlabs = yard.provider("elevenlabs").sends(200, {}, b"{}")
    mine = {"xi-api-key": "a-secret-of-mine"}
    assert (await yard.get("/elevenlabs/v1/voices", headers=mine)).status == 200
    shown = [v for n, v in elevenlabs.last.raw_headers if n.lower() == b"xi-api-key"]
    assert shown == [b"secret-of-elevenlabs"]


async def test_other_headers_of_the_client_go_on(yard: Yard) -> None:
    openai = yard.provider("openai").says("hello")
    goes = {"openai-beta": "x=v1", "user-agent": "mine/1", "x-odd": "1", "accept": "*/*"}
    await yard.call(CHAT, REQUEST, headers=goes)
    assert goes.items() <= openai.last.headers.items()
    assert openai.last.headers["host"] == openai.url.removeprefix("http://")


async def test_headers_that_are_not_for_the_client_stay_here(yard: Yard) -> None:
    stays = {
        "set-cookie": "a=b",
        "set-cookie2": "a=b",
        "openai-organization": "org",
        "openai-project": "proj",
        "anthropic-organization-id": "org",
        "anthropic-workspace-id": "ws",
        "server": "nginx",
        "alt-svc": "h3",
        "keep-alive": "timeout=5",
        "proxy-authenticate": "Basic",
        "connection": "x-hop",
        "x-hop": "1",
        "nel": '{"report_to":"x"}',
        "report-to": "{}",
        "reporting-endpoints": 'x="https://192.0.2.1/"',
        "access-control-allow-origin": "*",
        "strict-transport-security": "max-age=1",
        "content-security-policy-report-only": "x",
        "cross-origin-opener-policy": "x",
        "clear-site-data": "*",
        "refresh": "0;url=http://192.0.2.1/",
        "x-accel-redirect": "/internal/",
        "x-sendfile": "/etc/passwd",
        "x-lighttpd-send-file": "/etc/passwd",
        "service-worker-allowed": "/",
        "x-stockyard-cost": "0.000001",
    }
    goes = {"x-ratelimit-remaining-requests": "7", "x-odd": "1", "openai-version": "2"}
    yard.provider("openai").says("hello").with_headers({**stays, **goes})
    answer = await yard.call(CHAT, REQUEST)
    assert not set(stays) & set(answer.headers)
    assert goes.items() <= answer.headers.items()
    assert answer.headers["x-stockyard-provider"] == "openai"


async def test_no_provider_speaks_in_our_name(yard: Yard) -> None:
    forged = {"x-stockyard-provider": "another", "x-request-id": "up_1"}
    yard.provider("openai").says("hello").with_headers(forged)
    answer = await yard.call(CHAT, REQUEST)
    ours = [value for name, value in answer.raw_headers if name == "x-stockyard-provider"]
    ids = [value for name, value in answer.raw_headers if name == "x-request-id"]
    assert ours == ["openai"]
    assert ids == [yard.last.exchange.id]
    assert answer.headers["x-upstream-request-id"] == "up_1"
