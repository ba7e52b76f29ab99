"""A call on a native route, with what only its own bytes can keep: spaces, order, numbers."""

CHAT = "/openai/v1/chat/completions"
JSON = {"content-type": "application/json"}
REQUEST = (
    b'{ "x_new":{"b":1, "a":[1.50]},"messages":[ {"role":"user","content":"h\\u00e9"}],"model":"m"}'
)
