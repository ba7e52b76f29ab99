"""Formats: JSON and bytes on one side, the values of `core` on the other. No I/O.

Each format is a folder. What they share:

what a format is       codec formats further_formats
bases of codecs        streamed renaming whole typed_codec
of streams             look reader writer typed_look typed_stream surrogates
                       stream_detection event_template
framing                cutter sse ndjson eventstream json_array width
reading a request      head strict skeleton members fields layout multipart upload large_body
                       resource_names
writing one            drops
changing one value     splice
messages               turns content_list media recordings read_out search_results finishes
                       user_names efforts
tools                  arguments argument_pieces function_tools free_text object_schemas tool_ids
                       tool_messages tool_names
what can be expressed  expressible inexpressible sources
vectors                vectors
usage                  usage media_usage late_usage run_usage stray_usage counting
                       thing_usage
errors                 error_kinds error_shapes retry_hints masking
realtime sessions      realtime live
"""
