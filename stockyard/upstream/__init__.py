"""Outgoing calls: how a Target is tried, the SSRF guard, and the only outbound HTTP client.

one try                dispatch plan plans preparation outgoing transport receiving
answers                whole_answer reading streamed_answer relayed_answer unasked
streams                flow silence onlooker odd_answer stream_end
polling                late_answer polling
estimated usage        reckoning
changed requests       detours replaced_request summary image_fetch efforts client_version
                       json_in_words lossy signed signed_stream
split requests         divided batches several
authorization          prover tokens echo
whose models           tuned_models
the HTTP client        client sending pool connection answer partial_head decompress inflation
                       unsent recurring post
a new connection       origin url connect resolve race tls proxy tunnel
the SSRF guard         guard ranges
realtime sessions      socket_opening websocket frames
health of targets      health breaker
the mock provider      mock
"""
