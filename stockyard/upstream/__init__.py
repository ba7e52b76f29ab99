"""Calls going out: how a Target is tried, what may be reached, and the only outbound HTTP.

one try                dispatch plan plans preparation outgoing transport receiving
what it answers        whole_answer reading streamed_answer relayed_answer unasked
streams                flow silence onlooker odd_answer stream_end
answered later         late_answer polling
what it used           reckoning
asked otherwise        detours asking summary image_fetch efforts client_version json_in_words
                       lossy signed
asked in pieces        divided batches several
the secret             prover tokens echo
whose models           tuned_models
the HTTP client        client sending pool connection answer decompress inflation unsent recurring
                       post
a new connection       origin url connect resolve race tls proxy tunnel
what may be reached    guard ranges
realtime sessions      socket_opening websocket frames
how targets are doing  health breaker
instead of a provider  mock
"""
