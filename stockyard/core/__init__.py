"""The heart: values and rules. Nothing here touches a socket, a file or a database.

a call                 exchange inbound caller kind target roundrobin totals tracing sharing ids
                       signals
what is asked          request messages meaning conditions fieldrules usual_names
what is answered       response stream events folding whole watched keeper replay window arrival
other kinds of call    embeddings rerank moderation speech transcription images counting stand_in
                       fixture
modules                module pipeline passage editing stop standing control ports expressions scan
money and limits       money price offer estimate allowance subscriber
texts and writes       glob fieldtext outbox
who may not call       auth_failures
"""
