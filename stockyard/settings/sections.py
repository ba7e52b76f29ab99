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
    """Where the process listens and keeps its data. Read at start only."""

    host: str = "127.0.0.1"
    port: Port = 4200
    """0 takes any free port."""
    workers: Annotated[int, Meta(ge=1, le=1024)] = 1
    data_dir: Path = Path("~/.stockyard")
    allow_network_fs: bool = False
    """Use a data folder on a network, where locks may fail and data may be lost."""
    read_only: bool = False
    """Refuse every change over the API and the command line. Calls to models go on."""
    behind_proxy: tuple[str, ...] = ()
    """Networks (CIDR) of trusted proxies, whose X-Forwarded-* fields are believed."""
    tls_cert: str = ""
    tls_key: str = ""
    predrain: Seconds = Seconds(0)
    """How long `/readyz` reports 503 before the listener closes."""
    drain: Seconds = Seconds(30)
    hard_stop: Seconds = Seconds(60)
    """How long calls may run on after a stop was requested, whatever the two above say."""
    busy_poll: Seconds = Seconds(0.0002)
    """How long to poll for the next event without sleeping while few clients are connected; 0 never
    does."""


class Http(Struct, frozen=True, kw_only=True):
    """Limits on what clients may send, and how slowly."""

    console_hosts: tuple[str, ...] = ("localhost", "127.0.0.1", "[::1]")
    """Host names under which reading needs no credential (`auth.local_reads`). Any other could
    belong to a web page that resolves its name to this machine (DNS rebinding)."""
    cors_origins: tuple[str, ...] = ()
    """Web pages of these origins, such as `https://desk.example.com`, may call the API and models,
    with a credential."""
    first_byte_timeout: Seconds = Seconds(10)
    head_timeout: Seconds = Seconds(10)
    body_grace: Seconds = Seconds(10)
    body_min_rate: Size = kib(1)
    """Bytes per second that a body must arrive at, after the grace."""
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
    """Bytes read and discarded after an early error, so that the client can read the answer."""


class Timeout(Struct, frozen=True, kw_only=True):
    """How long a provider may take. Requests can only lower these."""

    dns: Seconds = Seconds(5)
    connect: Seconds = Seconds(5)
    tls: Seconds = Seconds(5)
    pool: Seconds = Seconds(2)
    write: Seconds = Seconds(30)
    first_byte: Seconds = Seconds(120)
    """Until the response head of a stream."""
    first_byte_whole: Seconds = Seconds(600)
    """Until the response head of an answer that is not a stream, which comes when the answer is
    ready."""
    first_content: Seconds = Seconds(300)
    idle: Seconds = Seconds(120)
    content_idle: Seconds = Seconds(300)
    total: Seconds = Seconds(1800)
    session: Seconds = Seconds(3600)
    """How long a realtime session may last."""
    session_idle: Seconds = Seconds(900)
    """How long a realtime session may be silent in both directions."""


class ProviderTimeout(Struct, frozen=True, kw_only=True):
    """Timeouts of one provider, in place of those in `timeout`."""

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
    """Limits on connections to providers."""

    per_origin: Count = 1000
    idle_close: Seconds = Seconds(60)
    max_age: Seconds = Seconds(600)


class Overload(Struct, frozen=True, kw_only=True):
    """When new calls are refused with 503."""

    max_inflight: Count = 1000
    loop_lag: Seconds = Seconds(0.1)
    """How late the event loop may be, for a second, while more than half of `max_inflight` run."""
    rss: Size = Size(0)
    """Memory this process may use: new calls are refused at 85 % of it. 0 takes the container's
    limit."""
    body_bytes: Size = Size(0)
    """Memory that all incoming bodies together may use. 0 is half of `rss`."""


class Cancel(Struct, frozen=True, kw_only=True):
    """What happens to a stream whose caller disconnects."""

    policy: Literal["abort", "drain"] = "abort"
    """`abort` closes the upstream connection at once and estimates the usage. `drain` reads on for
    the exact usage."""
    drain: Seconds = Seconds(10)
    """How long to read on at most."""
    drain_max: Count = 64
    """How many streams to drain at once; others are aborted."""


class Auth(Struct, frozen=True, kw_only=True):
    """What needs no Key, and which calls may pass unread."""

    local_reads: Literal["same_user", "off"] = "same_user"
    bring_your_own: Literal["loopback", "with_key", "off"] = "loopback"
    allow_unread: bool = False
    """Allow files, sessions and paths that no module can read even while a module masks or
    blocks."""


class Storage(Struct, frozen=True, kw_only=True):
    """Where data is stored. Read at start only."""

    database: str = "sqlite"
    """`sqlite` (a file in the data folder) or `sqlite:/path/to/file.db`."""
    redis: str = ""
    trace_queue: Count = 10_000
    trace_queue_bytes: Size = mib(32)


class Db(Struct, frozen=True, kw_only=True):
    """What happens when the database fails. Read at start only."""

    exit_after: Seconds = Seconds(300)
    """End the process with exit code 74 when the database could not be written for this long. 0:
    never. A full disk does not count."""


class Disk(Struct, frozen=True, kw_only=True):
    """Free disk space below which less is written."""

    warn: Size = mib(1024)
    low: Size = mib(512)
    floor: Size = mib(128)
    ballast: Size = mib(64)
    """Size of a file in the data folder that is deleted when free space falls below the floor. 0
    for none."""


class ConfigSection(Struct, frozen=True, kw_only=True):
    """Whether the file or the API decides about modules that the file mentions."""

    owner: Literal["database", "file"] = "database"
    watch: bool = True
    """With `owner = "file"`, changes of the file take effect without a reload command."""


class Retention(Struct, frozen=True, kw_only=True):
    traces: Seconds = Seconds(90 * 86400)
    answers: Seconds = Seconds(30 * 86400)
    """Stored answers of `/v1/responses`."""
    held_ids: Seconds = Seconds(365 * 86400)
    """Ids that providers issued, with the team each belongs to."""


class Mock(Struct, frozen=True, kw_only=True):
    """The built-in mock provider, which needs no account."""

    enabled: bool = True
    trial: bool = True
    """Answer for every model while there is no Credential."""
    latency: Seconds = Seconds(0)


class CredentialSection(Struct, frozen=True, kw_only=True):
    name: str
    secret: Secret


class ProviderSection(Struct, frozen=True, kw_only=True):
    """One provider: changes to one in the catalogue, or one of your own."""

    enabled: bool = True
    kind: str = ""
    """The format it speaks; needed only for a provider that is not in the catalogue."""
    base_url: str = ""
    api_key: Secret | None = None
    auth: str = ""
    """The authentication scheme, where the catalogue lists several, such as `entra`."""
    formats: tuple[str, ...] = ()
    """Formats to use, best first, from those in the catalogue, including unverified ones."""
    token_url: str = ""
    """Where its secret is exchanged for tokens, in place of the catalogue's URL."""
    credentials: tuple[CredentialSection, ...] = ()
    think_tags: bool = False
    """Its models write reasoning into the text, between `<think>` tags: callers of other formats
    get it as reasoning."""
    allow_private: bool = False
    timeout: ProviderTimeout = ProviderTimeout()
    ca_file: str = ""
    client_cert: str = ""
    client_key: str = ""
    settings: dict[str, str] = {}
    """Further values for its address or sign-in, such as a region or a project."""


class Translation(Struct, frozen=True, kw_only=True):
    """How calls are translated to providers of another format."""

    lossy: Lossy = "warn"
    """What happens to a field that the provider's format cannot express. `strict` refuses the call
    and names the field, `warn` leaves it out and lists it in `X-Stockyard-Dropped`, `silent` leaves
    it out. The trace lists it in any case."""
    keys: dict[str, Lossy] = {}
    """The same for single Keys, by name."""
    reasoning_field: Literal["reasoning_content", "reasoning"] = "reasoning_content"
    """The field for reasoning text in chat answers translated from another format."""
    local_tools: bool = False
    """Offer `shell`, `local_shell` and `apply_patch` of Responses to models of other formats as
    functions. What a model does with them happens on the client's machine."""


class AliasSection(Struct, frozen=True, kw_only=True):
    """A name for one or more models. A plain string is a single Target."""

    strategy: Literal["first", "weighted", "round_robin", "least_latency", "least_busy"] = "first"
    """Which Target a call tries first. The module `failover` moves on to the others when that
    fails, and measures what `least_latency` and `least_busy` need."""
    targets: tuple[str, ...]
    weights: tuple[Weight, ...] = ()
    """With `weighted`: each Target's share of the calls, in order."""
    lossy: Lossy | None = None
    """As in `translation`, for this name."""


class ModuleSection(Struct, frozen=True, kw_only=True):
    """One module as the file sets it. `config` is validated by the module."""

    enabled: bool = True
    locked: bool = False
    config: dict[str, Any] = {}


class Egress(Struct, frozen=True, kw_only=True):
    """Exceptions from the rules on which addresses may be called."""

    allow_private: tuple[str, ...] = ()
    """Private networks, or `host:port`, that may be called, also over plain HTTP."""
    allow_http: tuple[str, ...] = ()
    """Public networks and hosts that may be called over plain HTTP."""
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
    """A line for every call, at level info or lower. `auto` writes them on a terminal only; the
    traces hold the same."""
    folder: str = ""
    """Write the log to ten rotating files of 10 MiB in this folder instead of standard output."""


class Settings(Struct, frozen=True, kw_only=True):
    """The settings of the process. A reload makes a new value."""

    server: Server = Server()
    http: Http = Http()
    timeout: Timeout = Timeout()
    upstream: Upstream = Upstream()
    overload: Overload = Overload()
    cancel: Cancel = Cancel()
    auth: Auth = Auth()
    storage: Storage = Storage()
    db: Db = Db()
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
    """Accepted settings that should be corrected, one sentence each."""

    @property
    def database_path(self) -> Path:
        _, _, path = self.storage.database.partition(":")
        return Path(path).expanduser() if path else self.server.data_dir / "stockyard.db"


FROM_ENVIRONMENT_ONLY = frozenset({"proxies", "admin_key", "print_secrets", "file", "warnings"})
