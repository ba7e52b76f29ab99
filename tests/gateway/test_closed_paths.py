"""Paths to the account of a provider are closed; others are not taken for them."""

import pytest

from stockyard.gateway.closed_paths import administers
from stockyard.providers.catalog import load
from stockyard.testing.yard import Yard
from tests.held_things import answers


@pytest.mark.parametrize(
    "path",
    [
        "/openai/v1/projects/p/roles",
        "/openai/v1/webhook_endpoints",
        "/openai/v1/chatkit/sessions",
        "/openai/v1/fine_tuning/checkpoints/ft:x/permissions",
        "/anthropic/v1/oauth/token",
        "/anthropic/v1/tunnels/t/reveal_token",
        "/gemini/v1alpha/auth_tokens",
        "/gemini/v1alpha/authTokens:create",
        "/openai/v1/realtime/callsets",
        "/openai/v1/realtime/translations/client_secrets",
        "/azure/openai/realtimeapi/sessions",
        "/assemblyai/v3/token",
        "/fal/tokens/",
        "/deepgram/v1/projects/p/keys",
        "/deepgram/v1/auth/grant",
        "/elevenlabs/v1/workspace/members",
        "/elevenlabs/v1/convai/conversation/token",
        "/openrouter/api/v1/keys",
        "/openrouter/api/v1/key",
        "/replicate/v1/account",
        "/replicate/v1/webhooks/default/secret",
        "/fireworks/v1/accounts",
        "/fireworks/v1/accounts/acme/users/me/apiKeys",
        "/fireworks/v1/accounts/acme/secrets",
        "/ollama/api/create",
        "/ollama/api/copy",
        "/ollama/api/push",
    ],
)
async def test_paths_about_the_account_are_closed(yard: Yard, path: str) -> None:
    scripted = yard.provider(path.split("/")[1])
    answers(scripted, {"secret": "of the account"})
    for heard in (await yard.get(path), await yard.call(path, {})):
        assert (heard.status, b"path_not_allowed" in heard.body) == (403, True)
    assert not scripted.requests


@pytest.mark.parametrize(
    ("name", "environ", "inside", "outside"),
    [
        (
            "cloudflare",
            {"CLOUDFLARE_ACCOUNT_ID": "acme"},
            "/client/v4/accounts/acme/ai/models/search",
            "/client/v4/user/tokens",
        ),
        (
            "snowflake",
            {"SNOWFLAKE_ACCOUNT": "acme"},
            "/api/v2/cortex/agent:run",
            "/api/v2/statements",
        ),
        (
            "sap",
            {"AICORE_HOST": "h.example", "AICORE_DEPLOYMENT_ID": "d"},
            "/v2/inference/deployments/e/invoke",
            "/v2/lm/deployments",
        ),
        (
            "vertex",
            {"GOOGLE_CLOUD_PROJECT": "p", "GOOGLE_CLOUD_LOCATION": "l"},
            "/v1/projects/p/locations/l/endpoints/7:predict",
            "/v1/projects/p/locations/l/customJobs",
        ),
    ],
)
def test_a_host_with_more_than_models_is_closed_around_them(
    name: str, environ: dict[str, str], inside: str, outside: str
) -> None:
    provider = load(environ=environ).get(name)
    assert provider is not None
    assert not administers(inside, provider)
    assert administers(outside, provider)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("openai", "/v1/responses/input_tokens"),
        ("openai", "/v1/realtime"),
        ("anthropic", "/v1/messages/count_tokens"),
        ("cohere", "/v1/tokenize"),
        ("stepfun", "/v1/token/count"),
        ("gemini", "/v1beta/models/m:countTokens"),
        ("gemini", "/v1beta/models/tokens:generateContent"),
    ],
)
def test_paths_that_count_tokens_are_not_taken_for_those_that_give_out_tokens(
    name: str, path: str
) -> None:
    provider = load().get(name)
    assert provider is not None
    assert not administers(path, provider)


@pytest.mark.parametrize(
    "path", ["/openai/v1/realtime/calls", "/openai/v1/realtime/calls/r/accept"]
)
async def test_calls_of_a_realtime_provider_are_native(yard: Yard, path: str) -> None:
    openai = yard.provider("openai")
    answers(openai, {"answer": "sdp"})
    assert (await yard.call(path, {"sdp": "offer"})).status == 200
    assert [sent.path for sent in openai.requests] == [path.removeprefix("/openai")]
