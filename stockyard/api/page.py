"""The page at `/` while there is no console: what this is and how to call it.

One file, no script, nothing from elsewhere; the policy in its head allows nothing else.
"""

import re
from base64 import b64encode
from hashlib import sha256
from html import escape

from litestar import Response

import stockyard

STYLE = """
:root { color-scheme: light dark }
body { font: 16px/1.6 system-ui, sans-serif; max-width: 50rem; margin: 4rem auto; padding: 0 1rem }
h1 { font-size: 1.6rem; margin-bottom: 0 }
p.version { opacity: .7; margin-top: 0 }
pre { padding: 1rem; overflow-x: auto; border: 1px solid #8886; border-radius: .4rem }
code { font-family: ui-monospace, monospace; font-size: .9em }
dt { font-weight: 600; margin-top: .6rem } dd { margin: 0 }
"""

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Stockyard</title>
<style>{style}</style>
</head>
<body>
<h1>Stockyard</h1>
<p class="version">Version {version}</p>
<p>An LLM gateway runs here. Point a program at <code>{base}/v1</code> and send it a Key.</p>
<pre><code>curl {base}/v1/chat/completions \\
  -H "Authorization: Bearer $STOCKYARD_KEY" -H "Content-Type: application/json" \\
  -d '{{"model":"{model}","messages":[{{"role":"user","content":"hello"}}]}}'</code></pre>
<p>A Key was shown when Stockyard started for the first time.
<code>stockyard keys create NAME</code> makes another one.</p>
<dl>
<dt><a href="/api/version">/api/version</a></dt><dd>what runs here, as JSON</dd>
<dt><a href="/health">/health</a></dt><dd>whether it is well</dd>
<dt>/api/lookout/traces</dt><dd>the calls so far, newest first</dd>
<dt>/api/openapi.json</dt><dd>the API of the control plane</dd>
<dt>docs/</dt><dd>the documentation, in the project's folder; it begins with docs/tour.md</dd>
</dl>
<p>From this machine <code>curl {base}/api/lookout/traces</code> is enough to read them; from
elsewhere the API needs the admin credential.</p>
</body>
</html>
"""

HOST = re.compile(r"[A-Za-z0-9.:\[\]-]{1,255}")
POLICY = (
    "default-src 'none'; "
    f"style-src 'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def answer(host: str, scheme: str, model: str) -> Response[bytes]:
    shown = host if HOST.fullmatch(host) else "127.0.0.1:4200"
    text = PAGE.format(
        style=STYLE,
        version=escape(stockyard.__version__),
        base=escape(f"{scheme}://{shown}"),
        model=escape(model),
    )
    return Response(
        text.encode(),
        media_type="text/html",
        headers={"Content-Security-Policy": POLICY, "X-Frame-Options": "DENY", "Vary": "Accept"},
    )
