"""Watch a forwarded completions stream: as chat's, under another object name."""

from stockyard.wire.openai_chat.look import ChatLook


class CompletionsLook(ChatLook):
    object_name = "text_completion"
    text_key = b'"text":'
