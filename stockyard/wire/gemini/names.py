"""The format's field names. Its services take every name in camelCase and in snake_case alike.

Here the camelCase name is the one that counts: what comes in snake_case is read, and written again,
as if it had come in camelCase.
"""

import re
from collections.abc import Mapping
from typing import Any

from stockyard.wire.fields import FieldError, Fields
from stockyard.wire.tool_names import ToolNames

FORMAT = "gemini"

TOOL_NAMES = ToolNames("a-zA-Z0-9_.:-", first="a-zA-Z_")
tool_name = TOOL_NAMES.fitting

_HUMP = re.compile("[A-Z]")

Names = Mapping[str, str]
"""snake_case -> camelCase, of one kind of object."""


def names(camel: str) -> Names:
    spelled = {_HUMP.sub(lambda hump: f"_{hump[0].lower()}", name): name for name in camel.split()}
    return {snake: name for snake, name in spelled.items() if snake != name}


REQUEST = names(
    "systemInstruction generationConfig toolConfig safetySettings cachedContent serviceTier"
)
CONFIG = names(
    "topP topK candidateCount maxOutputTokens stopSequences presencePenalty frequencyPenalty"
    " responseLogprobs responseMimeType responseSchema responseJsonSchema responseModalities"
    " thinkingConfig speechConfig imageConfig mediaResolution"
)
THINKING = names("includeThoughts thinkingBudget thinkingLevel")
PART = names(
    "thoughtSignature inlineData fileData functionCall functionResponse executableCode"
    " codeExecutionResult toolCall toolResponse videoMetadata mediaResolution partMetadata"
)
MEDIA = names("mimeType fileUri displayName")
CALL = names("partialArgs willContinue")
TOOL = names(
    "functionDeclarations googleSearch googleSearchRetrieval codeExecution urlContext fileSearch"
    " computerUse googleMaps mcpServers enterpriseWebSearch"
)
SCHEMA = names(
    "anyOf minItems maxItems minLength maxLength minProperties maxProperties propertyOrdering"
)
DECLARATION = names("parametersJsonSchema responseJsonSchema")
TOOL_CONFIG = names("functionCallingConfig retrievalConfig")
CHOICE = names("allowedFunctionNames streamFunctionCallArguments")


def known(value: Any, spelled: Names, path: str = "") -> Any:
    """The value with its names in camelCase, if it is an object.

    Raises FieldError when a field comes in both spellings: nobody could tell which of them is read.
    """
    if type(value) is not dict or not any(key in spelled for key in value):
        return value
    found: dict[str, Any] = {}
    for key, item in value.items():
        name = spelled.get(key, key)
        if name in found:
            raise FieldError(f"{path}.{name}" if path else name, "given once")
        found[name] = item
    return found


def fields_of(value: Any, spelled: Names, path: str = "") -> Fields:
    return Fields(known(value, spelled, path), path)


def listed(fields: Fields, key: str) -> list[Any] | None:
    """A list. An object stands for a list of one, as the service takes it."""
    value = fields.rest.get(key)
    if type(value) is dict:
        fields.rest[key] = [value]
    return fields.items(key)


def inside(fields: Fields, key: str, spelled: Names) -> Fields | None:
    """The object under a key, to be taken apart in its turn."""
    value = fields.object(key)
    return None if value is None else fields_of(value, spelled, fields.at(key))
