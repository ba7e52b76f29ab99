"""Look on while a completions stream is forwarded: as chat's, under another name."""

from stockyard.wire.openai_chat.look import ChatLook


class CompletionsLook(ChatLook):
    object_name = "text_completion"
    text_key = b'"text":'
