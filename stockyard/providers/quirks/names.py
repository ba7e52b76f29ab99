"""The names that a row of the catalog may list, and what each stands for (`wire.md` 12.2)."""

from collections.abc import Callable

from stockyard.providers.quirks import (
    calls,
    closed,
    content,
    context,
    embeddings,
    fields,
    hosted_claude,
    reasoning,
    tools,
    watsonx,
)
from stockyard.providers.quirks.quirk import Quirk
from stockyard.wire.openai_responses.reasoning import ENVELOPE


def known(name: str) -> bool:
    """Whether a name in a row means something."""
    bare, _, arguments = name.partition(":")
    if arguments:
        return bare in WITH_ARGUMENTS or bare in TRAITS_WITH_ARGUMENTS or bare == API_VERSION
    return any(name in names for names in (PLAIN, TRAITS, calls.FIELDS, *WITHOUT_FUNCTION))


def quirk(name: str) -> Quirk | None:
    """The quirk of this name; None for a trait, which has no function."""
    bare, _, arguments = name.partition(":")
    if arguments and bare in WITH_ARGUMENTS:
        return WITH_ARGUMENTS[bare](arguments)
    return PLAIN.get(name)


MESSAGES = "anthropic.messages"
OLLAMA = "ollama.chat"
RESPONSES = "openai.responses"
WATSONX_EMBED, WATSONX_RERANK = "watsonx.embed", "watsonx.rerank"

PLAIN: dict[str, Quirk] = {
    "audio_data_uri": Quirk(("input_audio",), content.audio_data_uri),
    "beta_allow_list": Quirk((hosted_claude.BETAS,), hosted_claude.beta_allow_list, MESSAGES),
    "content_string": Quirk(("type",), content.content_string),
    "document_url": Quirk(("file",), content.document_url),
    "forced_tools_by_model": Quirk(("tool_choice",), tools.forced_tools_by_model, MESSAGES),
    "input_type_query_passage": Quirk((), embeddings.input_type_query_passage, "openai.embeddings"),
    "max_completion_tokens_only": fields.rename("max_tokens>max_completion_tokens"),
    "max_tokens_not_completion": Quirk(
        (fields.MAX_COMPLETION_TOKENS,), fields.max_tokens_not_completion
    ),
    "n_needs_temperature_0.3": Quirk(("n",), reasoning.n_needs_temperature),
    "name_on_tools_only": Quirk(("name",), content.name_on_tools_only),
    "no_bare_assistant": Quirk((), content.no_bare_assistant, looks_for=("assistant",)),
    "no_empty_text": Quirk(("messages",), content.no_empty_text),
    "no_reasoning_back": Quirk(
        ("reasoning_content", "reasoning", "reasoning_details"), reasoning.no_reasoning_back
    ),
    "no_stream_options": Quirk(("stream_options",), fields.no_stream_options),
    "no_tools": Quirk(("tools", "tool_choice", "parallel_tool_calls"), tools.no_tools),
    "num_ctx_from_prompt": Quirk(("messages",), context.num_ctx_from_prompt, OLLAMA),
    "prefill_prefix": Quirk((), content.prefill_prefix, looks_for=("assistant",)),
    "reasoning_content_back": Quirk(("tool_calls",), reasoning.reasoning_content_back),
    "reasoning_split": Quirk((), reasoning.reasoning_split),
    "reasoning_temperature_1": Quirk(("temperature",), reasoning.reasoning_temperature_1),
    "sampling_by_model": Quirk(
        ("temperature", "top_p", "top_k"), reasoning.sampling_by_model, MESSAGES
    ),
    "strict_alternation": Quirk(("messages",), content.strict_alternation),
    "strip_schema_strict": Quirk(("strict", "additionalProperties"), tools.strip_schema_strict),
    "system_turns_folded": Quirk(
        (), hosted_claude.system_turns_folded, MESSAGES, looks_for=("system",)
    ),
    "text_content_string": Quirk(("type",), content.text_content_string),
    "thinking_by_model": Quirk(("thinking",), reasoning.thinking_by_model, MESSAGES),
    "thinking_refuses_forced_tools": Quirk(
        ("logprobs", "top_logprobs", "tool_choice"), reasoning.thinking_refuses_forced_tools
    ),
    "thinking_signed": Quirk(("thinking",), reasoning.thinking_signed, MESSAGES),
    "tool_choice_any": Quirk(("tool_choice",), tools.tool_choice_any),
    "tool_choice_required_unsupported": Quirk(
        ("tool_choice",), tools.tool_choice_required_unsupported
    ),
    "tool_content_string": Quirk(("tool_call_id",), content.tool_content_string),
    "tool_id_40": Quirk((), tools.tool_id_40, looks_like=(b'"tool_call_id"', tools.LONG_ID)),
    "tool_id_9": Quirk(("tool_calls", "tool_call_id"), tools.tool_id_9),
    "tool_messages_one_turn": Quirk(("tool_call_id",), content.tool_messages_one_turn),
    "vertex_raw_predict": Quirk((), hosted_claude.vertex_raw_predict, MESSAGES),
    "watsonx_body": watsonx.watsonx_body(),
    "watsonx_embed_body": watsonx.paid(WATSONX_EMBED)(""),
    "watsonx_rerank_body": watsonx.paid(WATSONX_RERANK)(""),
}

SEALS_OF_OTHERS = Quirk((), reasoning.seals_of_others, RESPONSES, looks_inside=(ENVELOPE,))
"""What all providers want: they cannot open what another one sealed (`wire.md` 8)."""

DEVELOPER_ROLE = "developer_role"
SYSTEM_FOR_DEVELOPER = Quirk((), content.system_for_developer, looks_for=("developer",))
"""What all providers want whose row does not have that feature (`wire.md` 4.1)."""

WITH_ARGUMENTS: dict[str, Callable[[str], Quirk]] = {
    "clamp": fields.clamp,
    "drop": fields.drop,
    "message_fields": closed.message_fields,
    "reasoning_as": closed.reasoning_as,
    "reasoning_drops": reasoning.reasoning_drops,
    "rename": fields.rename,
    "thinking_switch": reasoning.thinking_switch,
    "watsonx_body": watsonx.watsonx_body,
    "watsonx_embed_body": watsonx.paid(WATSONX_EMBED),
    "watsonx_rerank_body": watsonx.paid(WATSONX_RERANK),
}

API_VERSION = "api_version_query"
PATHS = frozenset({"azure_deployment_paths"})
"""Quirks of where a provider is called (`calls.py`)."""
WAYS = frozenset({"responses_for_reasoning_tools", "thinking_stream_only"})
"""Another way to call some models (`upstream/plan.py`). The row's `model_traits` say which."""

OF_FORMATS = frozenset(
    {
        "input_type_map",
        "input_type_required",
        "rerank_bare_array",
        "schema_subset",
        "task_map",
        "task_type_map",
        "top_k_not_top_n",
    }
)
"""Quirks of a whole format, which its codec implements."""
NATIVE_ONLY = frozenset({"poll_or_stream"})
"""Quirks of formats without a codec. Their providers are reached on their native routes, where
callers do themselves what these would do."""

WITHOUT_FUNCTION = (PATHS, frozenset(calls.POLLED), WAYS, OF_FORMATS, NATIVE_ONLY)

TRAITS_WITH_ARGUMENTS = frozenset({"finish_extra", "tool_config_with_history", "reasoning_field"})
TRAITS = frozenset(
    (
        "args_object array_stream_without_sse audio_outside_prompt bad_key_is_400 bare_error_line "
        "document_name_neutral model_in_path_encoded tool_config_with_history "
        "tool_name_64 tool_turns_merged "
        "blank_line_keepalive cached_may_exceed_prompt cached_tokens_top_level "
        "comment_keepalive content_list content_object cost_in_usage cost_string "
        "count_fields_on_top crlf data_before_event "
        "data_without_space done_extra done_on_responses empty_choices_chunks empty_id_created "
        "error_array error_code_dotted error_code_int error_code_message error_code_string "
        "error_detail error_event_in_stream error_in_200 error_in_200_base_resp error_in_chunk "
        "error_list error_plain_string error_problem_json finish_empty_with_tools "
        "finish_stop_with_tools finish_twice float_token_counts gateway_metadata id_rotates "
        "ids_and_event_names images_as_bytes json_in_words labels "
        "late_filter_chunks max_tokens_auto_lowered message_beside_delta "
        "multi_line_data no_done obfuscation_padding padding_p padding_spaces "
        "passes_inner_shape payload_parts_split_json prompt_filter_first_chunk "
        "ratelimit_draft_header reasoning_details reasoning_only_in_total "
        "reasoning_outside_completion reasoning_tokens_top_level refusal_empty_string "
        "retry_delay_in_body "
        "role_on_every_delta service_timing_in_usage signature_required "
        "single_lf_events stop_may_be_early text_beside_delta think_tags_kept timings_chunk "
        "tool_call_object_in_stream usage_cumulative usage_deepseek_cache usage_every_chunk "
        "usage_in_choice_old usage_may_be_missing usage_on_finish usage_x_groq vllm_shape "
        "whole_call_in_content_old whole_tool_call_chunks "
    ).split()
)
"""Names that tell codecs how to read answers, usage and errors of a provider, and what its requests
must say."""
