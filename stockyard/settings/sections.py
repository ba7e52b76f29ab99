"""Everything that can be set on the process, section by section, with its default.

A duration is `Seconds`, a size is `Size`, and what must never be printed is a `Secret`. Limits and
deadlines are those of `reliability.md` 5; a module's own Config stands in its class, not here.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from stockyard.core.caller import Lossy
from stockyard.core.target import Secret
from stockyard.settings.units import Seconds, Size

Port = Annotated[int, Meta(ge=0, le=65535)]
Count = Annotated[int, Meta(ge=1, le=100_000_000)]
Weight = Annotated[int, Meta(ge=0, le=1_000_000)]


def kib(count: int) -> Size:
    return Size(count << 10)


def mib(count: int) -> Size:
    return Size(count << 20)


class Server(Struct, frozen=True, kw_only=True):
    """Where the process listens and where its data is. Read at start only."""

    host: str = "127.0.0.1"
    port: Port = 4200
    """0 takes any free port."""
    workers: Annotated[int, Meta(ge=1, le=1024)] = 1
    data_dir: Path = Path("~/.stockyard")
    allow_network_fs: bool = False
    """Use a data folder on a network, where locks may fail and data may be lost."""
    read_only: bool = False
    """Refuse every change over the API, the command line's too. Calls to models go on."""
    behind_proxy: tuple[str, ...] = ()
    """Networks (CIDR) whose X-Forwarded-* fields are believed."""
    tls_cert: str = ""
    tls_key: str = ""
    predrain: Seconds = Seconds(0)
    """How long `/readyz` already says no before the listener closes."""
    drain: Seconds = Seconds(30)
    hard_stop: Seconds = Seconds(60)
    """How long calls may run on after we were asked to stop, whatever the two above say."""
    busy_poll: Seconds = Seconds(0.0002)
    """How long we stay awake for what may come next while few clients are connected; 0: never."""


class Http(Struct, frozen=True, kw_only=True):
    """What a client may send, and how slowly."""

    console_hosts: tuple[str, ...] = ("localhost", "127.0.0.1", "[::1]")
    """The names for this machine under which reading needs no credential (`auth.local_reads`). Any
    other could be a web page's own name, made to lead here."""
    cors_origins: tuple[str, ...] = ()
    """Web pages of these origins, such as `https://desk.example.com`, may call the API and models,
    with a credential."""
    first_byte_timeout: Seconds = Seconds(10)
    head_timeout: Seconds = Seconds(10)
    body_grace: Seconds = Seconds(10)
    body_min_rate: Size = kib(1)
    """Per second, after the grace."""
    body_timeout: Seconds = Seconds(300)
    keepalive_timeout: Seconds = Seconds(75)
    keepalive_timeout_busy: Seconds = Seconds(5)
    """Used instead when more than 80 % of the connections are taken."""
    write_stall: Seconds = Seconds(60)
    write_min_rate: Size = Size(256)
    tls_handshake: Seconds = Seconds(10)
    connections: Count = 10_000
    per_address: Count = 200
    probe_cidrs: tuple[str, ...] = ()
    max_header: Size = kib(16)
    max_line: Size = kib(8)
    max_fields: Count = 100
    pipeline_buffer: Size = kib(64)
    max_body: Size = mib(50)
    max_upload: Size = mib(100)
    max_api_body: Size = mib(5)
    unread_body: Size = kib(64)
    """Read and thrown away after an early error, so that the client can read the answer."""


class Timeout(Struct, frozen=True, kw_only=True):
    """How long a provider may take. A request may only lower these."""

    dns: Seconds = Seconds(5)
    connect: Seconds = Seconds(5)
    tls: Seconds = Seconds(5)
    pool: Seconds = Seconds(2)
    write: Seconds = Seconds(30)
    first_byte: Seconds = Seconds(120)
    """Until the head of a stream."""
    first_byte_whole: Seconds = Seconds(600)
    """Until the head of an answer that is not a stream: it comes when the answer is complete."""
    first_content: Seconds = Seconds(300)
    idle: Seconds = Seconds(120)
    content_idle: Seconds = Seconds(300)
    total: Seconds = Seconds(1800)
    session: Seconds = Seconds(3600)
    """How long a realtime session may last."""
    session_idle: Seconds = Seconds(900)
    """How long nobody may say anything in one."""


class ProviderTimeout(Struct, frozen=True, kw_only=True):
    """The timeouts that one provider overrides."""

    dns: Seconds | None = None
    connect: Seconds | None = None
    tls: Seconds | None = None
    pool: Seconds | None = None
    write: Seconds | None = None
    first_byte: Seconds | None = None
    first_byte_whole: Seconds | None = None
    first_content: Seconds | None = None
    idle: Seconds | None = None
    content_idle: Seconds | None = None
    total: Seconds | None = None


class Upstream(Struct, frozen=True, kw_only=True):
    """Bounds of the connections to providers."""

    per_origin: Count = 1000
    idle_close: Seconds = Seconds(60)
    max_age: Seconds = Seconds(600)


class Overload(Struct, frozen=True, kw_only=True):
    """When new calls are turned away with 503."""

    max_inflight: Count = 1000
    loop_lag: Seconds = Seconds(0.1)
    """How late the event loop may be, for a second, while more than half of `max_inflight` run."""
    rss: Size = Size(0)
    """The memory this process may have: new calls are turned away at 85 % of it. 0 is what its
    container may have."""
    body_bytes: Size = Size(0)
    """What all bodies together may take that are on their way in. 0 is half of that memory."""


class Cancel(Struct, frozen=True, kw_only=True):
    """What becomes of a stream whose caller leaves."""

    policy: Literal["abort", "drain"] = "abort"
    """`abort` closes the upstream at once, and what was not counted yet is estimated. `drain` reads
    on, to be told the exact usage."""
    drain: Seconds = Seconds(10)
    """How long is read on at most."""
    drain_max: Count = 64
    """How many are read on at once; more are aborted."""


class Auth(Struct, frozen=True, kw_only=True):
    """Who may do what without a Key of ours, and what without being read."""

    local_reads: Literal["same_user", "off"] = "same_user"
    bring_your_own: Literal["loopback", "with_key", "off"] = "loopback"
    allow_unread: bool = False
    """Files, sessions and paths that nobody here reads stay open although a module masks or blocks.
    """


class Storage(Struct, frozen=True, kw_only=True):
    """Where facts are kept. Read at start only."""

    database: str = "sqlite"
    """`sqlite` (a file in the data folder) or `sqlite:/path/to/file.db`."""
    redis: str = ""
    trace_queue: Count = 10_000
    trace_queue_bytes: Size = mib(32)


class Disk(Struct, frozen=True, kw_only=True):
    """Free space below which less is written."""

    warn: Size = mib(1024)
    low: Size = mib(512)
    floor: Size = mib(128)
    ballast: Size = mib(64)
    """Kept in the data folder, and thrown out below the floor. 0 for none."""


class ConfigSection(Struct, frozen=True, kw_only=True):
    """Who has the last word on a module that the file mentions."""

    owner: Literal["database", "file"] = "database"
    watch: bool = True
    """Where the file is the owner, its changes take effect without being asked for."""


class Retention(Struct, frozen=True, kw_only=True):
    traces: Seconds = Seconds(90 * 86400)
    answers: Seconds = Seconds(30 * 86400)
    """Answers of `/v1/responses` that callers asked to store."""
    held_ids: Seconds = Seconds(365 * 86400)
    """Which team an id belongs to that a provider gave."""


class Mock(Struct, frozen=True, kw_only=True):
    """The built-in provider that needs no account."""

    enabled: bool = True
    trial: bool = True
    """Answer for any model while no Credential exists."""
    latency: Seconds = Seconds(0)


class CredentialSection(Struct, frozen=True, kw_only=True):
    name: str
    secret: Secret


class ProviderSection(Struct, frozen=True, kw_only=True):
    """One provider: a row of the catalogue changed, or one of your own."""

    enabled: bool = True
    kind: str = ""
    """The format it speaks; needed only for a provider that is not in the catalogue."""
    base_url: str = ""
    api_key: Secret | None = None
    auth: str = ""
    """How its secret is shown, where the catalogue knows several ways, such as `entra`."""
    formats: tuple[str, ...] = ()
    """What to speak to it, best first, of what the catalogue has; also what is not verified."""
    token_url: str = ""
    """Where its secret is exchanged for tokens, in place of what the catalogue says."""
    credentials: tuple[CredentialSection, ...] = ()
    think_tags: bool = False
    """Its models write their thinking into the text, between `<think>` tags: callers who speak
    another format get it as thinking."""
    allow_private: bool = False
    timeout: ProviderTimeout = ProviderTimeout()
    ca_file: str = ""
    client_cert: str = ""
    client_key: str = ""
    settings: dict[str, str] = {}
    """What the provider's address or sign-in needs besides, such as a region or a project."""


class Translation(Struct, frozen=True, kw_only=True):
    """What providers are told that speak another format than their callers."""

    lossy: Lossy = "warn"
    """What becomes of a field that the provider's format cannot say. `strict` refuses the call and
    names the field, `warn` leaves it out and says so in `X-Stockyard-Dropped`, `silent` leaves it
    out. The trace tells in any case."""
    keys: dict[str, Lossy] = {}
    """The same for single Keys, by their names."""
    reasoning_field: Literal["reasoning_content", "reasoning"] = "reasoning_content"
    """Where thinking stands in chat answers that come from another format."""
    local_tools: bool = False
    """Tell `shell`, `local_shell` and `apply_patch` of Responses to models of other formats, as
    functions. What a model does with them happens on the machine of the client."""


class AliasSection(Struct, frozen=True, kw_only=True):
    """A name for models. Written as one text, it has one Target."""

    strategy: Literal["first", "weighted", "round_robin", "least_latency", "least_busy"] = "first"
    """Which Target a call tries first. The module `failover` tries the others when that fails, and
    measures what `least_latency` and `least_busy` go by."""
    targets: tuple[str, ...]
    weights: tuple[Weight, ...] = ()
    """With `weighted`: the share of the calls of each Target, in their order."""
    lossy: Lossy | None = None
    """As in `translation`, for this name."""


class ModuleSection(Struct, frozen=True, kw_only=True):
    """One module as the file wants it. Its `config` is checked by the module itself."""

    enabled: bool = True
    locked: bool = False
    config: dict[str, Any] = {}


class Egress(Struct, frozen=True, kw_only=True):
    """Exceptions from the rules about which addresses may be called."""

    allow_private: tuple[str, ...] = ()
    """Networks, and pairs of host and port; those may be called over plain HTTP, too."""
    allow_http: tuple[str, ...] = ()
    """Networks and hosts that may be called over plain HTTP although they are not private."""
    proxy_trusted: bool = False
    fetch_images: bool = True
    """Fetch images that callers name by URL for providers that take bytes only."""


class Proxies(Struct, frozen=True, kw_only=True):
    """Outbound proxies, from the environment. Their addresses may hold a password."""

    https: Secret | None = None
    http: Secret | None = None
    no_proxy: tuple[str, ...] = ()
    ca_file: str = ""


class Log(Struct, frozen=True, kw_only=True):
    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "text", "json"] = "auto"
    """`auto` is text on a terminal and json elsewhere."""
    calls: Literal["auto", "on", "off"] = "auto"
    """A line for every call, at level info or lower. `auto`: where it is read, on a terminal; the
    same is in the traces."""
    folder: str = ""
    """Write the log into files there, ten of 10 MiB, in place of standard output."""


class Settings(Struct, frozen=True, kw_only=True):
    """What the process was told at start. Never changes while it runs."""

    server: Server = Server()
    http: Http = Http()
    timeout: Timeout = Timeout()
    upstream: Upstream = Upstream()
    overload: Overload = Overload()
    cancel: Cancel = Cancel()
    auth: Auth = Auth()
    storage: Storage = Storage()
    disk: Disk = Disk()
    config: ConfigSection = ConfigSection()
    retention: Retention = Retention()
    mock: Mock = Mock()
    providers: dict[str, ProviderSection] = {}
    aliases: dict[str, AliasSection] = {}
    translation: Translation = Translation()
    modules: dict[str, ModuleSection] = {}
    modules_dir: str = ""
    egress: Egress = Egress()
    log: Log = Log()

    # The rest comes from the environment only.
    proxies: Proxies = Proxies()
    admin_key: Secret | None = None
    print_secrets: bool = False
    file: Path | None = None
    """The config file that was read."""
    warnings: tuple[str, ...] = ()
    """What was accepted but should be corrected, one sentence each."""

    @property
    def database_path(self) -> Path:
        _, _, path = self.storage.database.partition(":")
        return Path(path).expanduser() if path else self.server.data_dir / "stockyard.db"


FROM_ENVIRONMENT_ONLY = frozenset({"proxies", "admin_key", "print_secrets", "file", "warnings"})
