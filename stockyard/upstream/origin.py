"""One place that may be called: scheme, host and port, with its TLS, proxy, permission and pool."""

from stockyard.upstream.guard import Permission
from stockyard.upstream.pool import Pool
from stockyard.upstream.proxy import Proxy
from stockyard.upstream.tls import TlsSettings
from stockyard.upstream.url import Url


class Origin:
    """Made by `Client.origin`, which checked it. Its connections are not used for other
    purposes."""

    __slots__ = ("absolute", "host", "permission", "pool", "proxy", "tls", "url")

    def __init__(
        self,
        url: Url,
        *,
        permission: Permission,
        tls: TlsSettings,
        proxy: Proxy | None,
        pool: Pool,
    ) -> None:
        self.url = url
        self.permission = permission
        self.tls = tls
        self.proxy = proxy
        self.pool = pool
        self.host = url.authority.encode()
        """For the Host field."""
        self.absolute = proxy is not None and url.scheme == "http"
        """Whether heads must be rewritten by `wired`."""

    def wired(self, head: bytes) -> bytes:
        """The head in absolute-form, as plain HTTP through a proxy needs it."""
        assert self.proxy is not None  # noqa: S101  only `absolute` ones come here
        method, _, rest = head.partition(b" ")
        if self.proxy.authorization is not None:
            rest = b"%bproxy-authorization: %b\r\n\r\n" % (rest[:-2], self.proxy.authorization)
        return b"%b http://%b%b" % (method, self.host, rest)
