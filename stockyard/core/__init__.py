"""The heart: values and rules. Nothing here touches a socket, a file or a database.

a call                 exchange inbound caller kind target roundrobin totals tracing sharing ids
                       signals sampling
repeated calls         claim redelivery
requests               request messages meaning conditions fieldrules usual_names
answers                response stream events folding whole passed watched replay window
                       arrival event_collector
other kinds of call    embeddings rerank moderation speech transcription images counting stand_in
                       fixture
modules                module pipeline passage stream_modules editing stop standing control ports
                       expressions scan
money and limits       money price offer estimate allowance adaptive subscriber
texts and writes       glob fieldtext outbox
refused credentials    auth_failures
"""
