"""Calls coming in: the data plane.

lane       the asyncio protocol that uvicorn hosts; `asgi` is the same gateway under any server
plane      what a request is for, and who asks
endpoints  path -> format and kind of call
ingress    bytes -> Exchange
call       one Exchange from its first byte to its last
egress     Answer or error -> bytes
line       the pipelines in use
"""
