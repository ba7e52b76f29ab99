"""A Visit that is sent elsewhere leaves the one it came from as it was."""

from stockyard.core.caller import Caller
from stockyard.core.inbound import NO_CONTROL_HEADERS
from stockyard.core.target import Credential, Secret
from stockyard.gateway.endpoints import Endpoint
from stockyard.gateway.http import read_head
from stockyard.gateway.limits import HttpLimits
from stockyard.gateway.visit import Visit

HEAD = read_head(b"GET /v1/files?after=a HTTP/1.1\r\nHost: a\r\n\r\n", HttpLimits())
FILES = Endpoint(format="openai.files", kind="passthrough", methods=("GET",))
CHATS = Endpoint(format="openai.chat", kind="chat", methods=("POST",))
OURS = Credential(id="c1", provider="openai", secret=Secret("s"))


def a_visit() -> Visit:
    return Visit(HEAD, FILES, Caller(key_id="k"), NO_CONTROL_HEADERS)


def test_a_visit_may_be_sent_to_another_endpoint_under_a_credential() -> None:
    visit = a_visit()
    onto = visit.at(CHATS).under(OURS)
    assert (onto.endpoint, onto.own) == (CHATS, OURS)
    assert (onto.head, onto.caller, onto.asked) == (visit.head, visit.caller, visit.asked)
    assert (visit.endpoint, visit.own) == (FILES, None)


def test_a_visit_with_another_query_has_a_head_of_its_own() -> None:
    visit = a_visit()
    onto = visit.asking("after=b")
    assert (onto.head.query, visit.head.query) == ("after=b", "after=a")
    assert onto.head.field(b"host") == visit.head.field(b"host")
