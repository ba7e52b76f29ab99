"""The clients, and which providers stand behind the gateway when they call."""

from dataclasses import dataclass, field
from typing import Literal

Runtime = Literal["python", "node", "agent", "go", "java"]

CHAT, RESPONSES = "openai.chat", "openai.responses"
MESSAGES, GEMINI = "anthropic.messages", "gemini"
COHERE, OLLAMA = "cohere.chat", "ollama.chat"
SEALING = (RESPONSES, MESSAGES, GEMINI)
"""Formats in which a provider seals its thinking."""
ALL = (CHAT, *SEALING)
EVERY = (*ALL, COHERE, OLLAMA)
TWO = (CHAT, MESSAGES)


@dataclass(frozen=True)
class Program:
    """A client, as its driver runs it."""

    name: str
    runtime: Runtime
    driver: str
    speaks: str
    """The format it speaks to the gateway."""
    upstreams: tuple[str, ...] = TWO
    arguments: tuple[str, ...] = ()
    package: str = ""
    """Where its version stands; the name of the program, if empty."""
    excused: dict[str, str] = field(default_factory=dict)
    """Scenarios that mean nothing for it, and why."""
    statuses: dict[str, int] = field(default_factory=dict)
    """Statuses of errors, by scenario, where its format has others."""
    native: str = ""
    """The provider whose native route it calls."""
    place: str = "python"
    """The environment in which it is installed, of Python's."""

    @property
    def installed_as(self) -> str:
        return self.package or self.name


OPENAI_GO = "github.com/openai/openai-go/v3"
NO_SSE = "it takes each line of a stream for JSON"
NO_SCHEMA = "it writes schemas as OpenAI does, which Cohere does not know"
ONE_CALL = "it takes calls in several lines for one call"
ONE_PIECE = "it takes a streamed call in one piece only, as Mistral sends it: use `/mistral` there"
OVERLOOKS = "it overlooks an error inside a stream, whoever sends it"

PROGRAMS = (
    Program("openai (chat)", "python", "openai_chat", CHAT, EVERY, ("openai",), "openai"),
    Program(
        "openai (responses)", "python", "openai_responses", RESPONSES, EVERY, ("openai",), "openai"
    ),
    Program("openai (Azure)", "python", "openai_chat", CHAT, TWO, ("azure",), "openai"),
    Program(
        "openai (Azure, responses)",
        "python",
        "openai_responses",
        RESPONSES,
        (RESPONSES, MESSAGES),
        ("azure",),
        "openai",
    ),
    Program(
        "openai (Azure, native)",
        "python",
        "openai_chat",
        CHAT,
        (CHAT,),
        ("azure_native",),
        "openai",
        native="azure",
    ),
    Program("anthropic", "python", "anthropic_messages", MESSAGES, EVERY, ("anthropic",)),
    Program(
        "anthropic (Bedrock)",
        "python",
        "anthropic_messages",
        MESSAGES,
        TWO,
        ("bedrock",),
        "anthropic",
        statuses={"wrong_key": 403, "broken": 424},
        place="litellm",
    ),
    Program(
        "anthropic (Vertex)",
        "python",
        "anthropic_messages",
        MESSAGES,
        TWO,
        ("vertex",),
        "anthropic",
    ),
    Program("google-genai", "python", "google_genai", GEMINI, EVERY),
    Program(
        "google-genai 2",
        "python",
        "google_genai",
        GEMINI,
        (GEMINI, CHAT),
        package="google-genai",
        place="litellm",
    ),
    Program("mistralai", "python", "mistral", CHAT, EVERY, excused={"parallel": ONE_PIECE}),
    Program("cohere", "python", "cohere_chat", COHERE, EVERY),
    Program("groq", "python", "openai_chat", CHAT, (CHAT,), ("groq",), native="groq"),
    Program("ollama", "python", "ollama_chat", OLLAMA, EVERY),
    *(
        Program(
            f"litellm ({prefix}/)",
            "python",
            "litellm_sdk",
            said,
            behind,
            (prefix,),
            "litellm",
            excused=excused,
            place="litellm",
        )
        for prefix, said, behind, excused in (
            ("openai", CHAT, TWO, {}),
            ("litellm_proxy", CHAT, TWO, {}),
            ("mistral", CHAT, TWO, {}),
            ("anthropic", MESSAGES, TWO, {}),
            ("gemini", GEMINI, ALL, {}),
            (
                "cohere_chat",
                COHERE,
                (COHERE, *TWO),
                dict.fromkeys(("streamed", "parallel", "cut", "cancelled"), NO_SSE)
                | {"structured": NO_SCHEMA},
            ),
            ("ollama_chat", OLLAMA, (OLLAMA, *TWO), {"parallel": ONE_CALL}),
        )
    ),
    Program("langchain-openai", "python", "langchain_models", CHAT, TWO, ("openai",)),
    Program(
        "langchain-openai (responses)",
        "python",
        "langchain_models",
        RESPONSES,
        (RESPONSES, MESSAGES),
        ("responses",),
        "langchain-openai",
    ),
    Program("langchain-anthropic", "python", "langchain_models", MESSAGES, TWO, ("anthropic",)),
    Program(
        "langchain-google-genai",
        "python",
        "langchain_models",
        GEMINI,
        (GEMINI, CHAT),
        ("google",),
        place="litellm",
    ),
    Program("langchain-ollama", "python", "langchain_models", OLLAMA, (OLLAMA, *TWO), ("ollama",)),
    Program(
        "pydantic-ai (openai)",
        "python",
        "pydantic_agents",
        CHAT,
        TWO,
        ("openai",),
        "pydantic-ai",
        place="pydantic",
    ),
    Program(
        "pydantic-ai (responses)",
        "python",
        "pydantic_agents",
        RESPONSES,
        (RESPONSES, MESSAGES),
        ("responses",),
        "pydantic-ai",
        place="pydantic",
    ),
    Program(
        "pydantic-ai (anthropic)",
        "python",
        "pydantic_agents",
        MESSAGES,
        TWO,
        ("anthropic",),
        "pydantic-ai",
        place="pydantic",
    ),
    Program(
        "pydantic-ai (google)",
        "python",
        "pydantic_agents",
        GEMINI,
        (GEMINI, CHAT),
        ("google",),
        "pydantic-ai",
        place="pydantic",
    ),
    *(
        Program(
            f"instructor ({mode})",
            "python",
            "instructor_models",
            said,
            TWO,
            (mode,),
            "instructor",
            place="litellm",
        )
        for mode, said in (
            ("TOOLS", CHAT),
            ("TOOLS_STRICT", CHAT),
            ("JSON", CHAT),
            ("JSON_SCHEMA", CHAT),
            ("MD_JSON", CHAT),
            ("RESPONSES_TOOLS", RESPONSES),
            ("ANTHROPIC_TOOLS", MESSAGES),
            ("ANTHROPIC_JSON", MESSAGES),
        )
    ),
    Program("openai for Node (chat)", "node", "node_openai_chat", CHAT, TWO, ("openai",), "openai"),
    Program("openai for Node (Azure)", "node", "node_openai_chat", CHAT, TWO, ("azure",), "openai"),
    Program(
        "openai for Node (responses)",
        "node",
        "node_openai_responses",
        RESPONSES,
        (RESPONSES, MESSAGES),
        package="openai",
    ),
    Program(
        "anthropic for Node", "node", "node_anthropic", MESSAGES, TWO, package="@anthropic-ai/sdk"
    ),
    Program(
        "@google/genai",
        "node",
        "node_google_genai",
        GEMINI,
        (GEMINI, CHAT),
        package="@google/genai",
    ),
    Program("@mistralai/mistralai", "node", "node_mistral", CHAT, excused={"parallel": ONE_PIECE}),
    Program("cohere-ai", "node", "node_cohere", COHERE, (COHERE, *TWO)),
    Program("groq-sdk", "node", "node_openai_chat", CHAT, (CHAT,), ("groq",), native="groq"),
    Program("ollama for Node", "node", "node_ollama", OLLAMA, (OLLAMA, *TWO), package="ollama"),
    *(
        Program(f"Vercel AI SDK ({kind})", "node", "node_vercel", said, behind, (kind,), "ai")
        for kind, said, behind in (
            ("responses", RESPONSES, (RESPONSES, MESSAGES)),
            ("chat", CHAT, TWO),
            ("compatible", CHAT, TWO),
            ("anthropic", MESSAGES, TWO),
            ("google", GEMINI, (GEMINI, CHAT)),
            ("mistral", CHAT, TWO),
            ("groq", CHAT, TWO),
            ("cohere", COHERE, (COHERE, *TWO)),
        )
    ),
    Program("openai for Go (chat)", "go", "openai_chat", CHAT, package=OPENAI_GO),
    Program(
        "openai for Go (responses)",
        "go",
        "openai_responses",
        RESPONSES,
        (RESPONSES, MESSAGES),
        package=OPENAI_GO,
    ),
    Program(
        "anthropic for Go",
        "go",
        "anthropic_messages",
        MESSAGES,
        package="github.com/anthropics/anthropic-sdk-go",
    ),
    Program(
        "google genai for Go",
        "go",
        "google_genai",
        GEMINI,
        (GEMINI, CHAT),
        package="google.golang.org/genai",
    ),
    Program(
        "go-openai",
        "go",
        "go_openai",
        CHAT,
        package="github.com/sashabaranov/go-openai",
    ),
    Program("openai for Java (chat)", "java", "openai_chat", CHAT, package="openai-java"),
    Program(
        "openai for Java (responses)",
        "java",
        "openai_responses",
        RESPONSES,
        (RESPONSES, MESSAGES),
        package="openai-java",
    ),
    Program(
        "anthropic for Java",
        "java",
        "anthropic_messages",
        MESSAGES,
        package="anthropic-java",
    ),
    Program(
        "google genai for Java",
        "java",
        "google_genai",
        GEMINI,
        (GEMINI, CHAT),
        package="google-genai",
    ),
    Program(
        "LangChain4j (openai)",
        "java",
        "langchain_openai",
        CHAT,
        package="langchain4j-open-ai",
        excused={"cut": OVERLOOKS},
    ),
    Program(
        "LangChain4j (responses)",
        "java",
        "langchain_responses",
        RESPONSES,
        (RESPONSES, MESSAGES),
        package="langchain4j-open-ai",
    ),
    Program(
        "LangChain4j (anthropic)",
        "java",
        "langchain_anthropic",
        MESSAGES,
        package="langchain4j-anthropic",
    ),
    Program(
        "Claude Code", "agent", "agents", MESSAGES, ALL, ("claude",), "@anthropic-ai/claude-code"
    ),
    Program("Codex", "agent", "agents", RESPONSES, ALL, ("codex",), "@openai/codex"),
    Program("Gemini CLI", "agent", "agents", GEMINI, ALL, ("gemini",), "@google/gemini-cli"),
)
