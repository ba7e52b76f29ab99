"""Who of the collections is who of our catalog, and which of their names can be called there."""

import re
from collections.abc import Mapping
from typing import NamedTuple


class Seller(NamedTuple):
    """A provider of ours as a collection knows it."""

    name: str
    names: str = r"[^:]+(?::\d+)?"
    """Model names that the provider understands; collections hold others as well."""
    prefix: str | None = None
    """What the collection puts before the names, if not its own name of the provider."""

    def understands(self, model: str) -> bool:
        return re.fullmatch(self.names, model) is not None


_BEDROCK = r"(?!regional\.)(?:[a-z-]+\.)?[a-z0-9]+\.[a-z][^/]*"
_GEMINI = r"(?:gemini|gemma|imagen|learnlm|text-embedding|embedding)-[^/]+"
_WITH_VENDOR = r"[^/]+/.+"
_PLAIN = r"(?!ft:)[^/:]+(?<!-)"

GENAI: Mapping[str, Seller] = {
    "anthropic": Seller("anthropic", _PLAIN),
    "aws": Seller("bedrock", _BEDROCK),
    "azure": Seller("azure", _PLAIN),
    "baseten": Seller("baseten"),
    "cerebras": Seller("cerebras"),
    "cloudflare": Seller("cloudflare", r"@.+"),
    "cohere": Seller("cohere", _PLAIN),
    "databricks": Seller("databricks", r"databricks-.+"),
    "deepseek": Seller("deepseek", _PLAIN),
    "doubleword": Seller("doubleword"),
    "elevenlabs": Seller("elevenlabs", _PLAIN),
    "fireworks": Seller("fireworks", r"accounts/.+"),
    "google": Seller("gemini", _GEMINI),
    "groq": Seller("groq"),
    "meta": Seller("meta", _PLAIN),
    "minimax": Seller("minimax", _PLAIN),
    "mistral": Seller("mistral", _PLAIN),
    "moonshotai": Seller("moonshot", _PLAIN),
    "novita": Seller("novita"),
    "openai": Seller("openai", _PLAIN),
    "openrouter": Seller("openrouter", r"~?[^/]+/.+"),
    "ovhcloud": Seller("ovhcloud"),
    "perplexity": Seller("perplexity"),
    "together": Seller("together", _WITH_VENDOR),
    "voyageai": Seller("voyage", _PLAIN),
    "x-ai": Seller("xai", _PLAIN),
    "zai": Seller("zai", _PLAIN),
    "zhipuai": Seller("zhipu", _PLAIN),
}

LITELLM: Mapping[str, Seller] = {
    "ai21": Seller("ai21", _PLAIN),
    "aihubmix": Seller("aihubmix"),
    "aiml": Seller("aimlapi"),
    "amazon_nova": Seller("amazon-nova", _PLAIN, "amazon-nova"),
    "anthropic": Seller("anthropic", _PLAIN),
    "assemblyai": Seller("assemblyai", _PLAIN),
    "azure": Seller("azure", _PLAIN),
    "azure_ai": Seller("azure-foundry", _PLAIN),
    "azure_text": Seller("azure", _PLAIN, "azure"),
    "baseten": Seller("baseten"),
    "bedrock": Seller("bedrock", _BEDROCK),
    "bedrock_converse": Seller("bedrock", _BEDROCK),
    "bedrock_mantle": Seller("bedrock-mantle", _BEDROCK),
    "black_forest_labs": Seller("bfl", _PLAIN),
    "cerebras": Seller("cerebras"),
    "cloudflare": Seller("cloudflare", r"@.+"),
    "codestral": Seller("codestral", _PLAIN),
    "cohere": Seller("cohere", _PLAIN),
    "cohere_chat": Seller("cohere", _PLAIN),
    "crusoe": Seller("crusoe"),
    "dashscope": Seller("dashscope", _PLAIN),
    "databricks": Seller("databricks", r"databricks-.+"),
    "deepgram": Seller("deepgram", _PLAIN),
    "deepinfra": Seller("deepinfra", _WITH_VENDOR),
    "deepseek": Seller("deepseek", _PLAIN),
    "elevenlabs": Seller("elevenlabs", _PLAIN),
    "fal_ai": Seller("fal", r"fal-ai/.+"),
    "featherless_ai": Seller("featherless", _WITH_VENDOR),
    "fireworks_ai": Seller("fireworks", r"accounts/.+"),
    "fireworks_ai-embedding-models": Seller("fireworks", _WITH_VENDOR, "fireworks_ai"),
    "friendliai": Seller("friendli"),
    "gemini": Seller("gemini", _GEMINI),
    "gmi": Seller("gmi", _WITH_VENDOR),
    "groq": Seller("groq"),
    "heroku": Seller("heroku", _PLAIN),
    "hyperbolic": Seller("hyperbolic", _WITH_VENDOR),
    "inception": Seller("inception", _PLAIN),
    "jina_ai": Seller("jina", _PLAIN),
    "lambda_ai": Seller("lambda"),
    "meta": Seller("meta", _PLAIN),
    "meta_llama": Seller("llama-api", _PLAIN),
    "minimax": Seller("minimax", _PLAIN),
    "mistral": Seller("mistral", _PLAIN),
    "moonshot": Seller("moonshot", _PLAIN),
    "morph": Seller("morph", _PLAIN),
    "nebius": Seller("nebius", _WITH_VENDOR),
    "novita": Seller("novita"),
    "nscale": Seller("nscale", _WITH_VENDOR),
    "nvidia_nim": Seller("nvidia", r"(?!ranking/)[^/]+/.+"),
    "openai": Seller("openai", _PLAIN),
    "ovhcloud": Seller("ovhcloud"),
    "perplexity": Seller("perplexity"),
    "recraft": Seller("recraft", _PLAIN),
    "replicate": Seller("replicate", _WITH_VENDOR),
    "sambanova": Seller("sambanova"),
    "sarvam": Seller("sarvam", _PLAIN),
    "scaleway": Seller("scaleway"),
    "snowflake": Seller("snowflake", _PLAIN),
    "stability": Seller("stability", _PLAIN),
    "tencent": Seller("tencent", _PLAIN),
    "text-completion-codestral": Seller("codestral", _PLAIN),
    "text-completion-openai": Seller("openai", _PLAIN),
    "together_ai": Seller("together", _WITH_VENDOR),
    "v0": Seller("v0", _PLAIN),
    "vercel_ai_gateway": Seller("vercel", _WITH_VENDOR),
    "volcengine": Seller("volcengine", _PLAIN),
    "voyage": Seller("voyage", _PLAIN),
    "wandb": Seller("wandb", _WITH_VENDOR),
    "xai": Seller("xai", _PLAIN),
    "xiaomi_mimo": Seller("xiaomi", _PLAIN),
    "zai": Seller("zai", _PLAIN),
}
