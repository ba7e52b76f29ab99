"""Incoming calls: the data plane. Which file to open for what:

the port               server front limits health overload busy_poll
one connection         lane phase collecting passing http known_head arriving bodies spool
                       connection deadlines reply contract
beside the calls       inner late_app refusals signpost
under other servers    asgi asgi_socket
what a request is for  plane endpoints callers proxies ingress visit reception doorway native_head
                       model_in_path upload_opening closed_paths
from other web pages   cross_origin
one call               call ending taskless office pump editing_pump pings drains
repeated calls         keyed_call recording_reply repeat_pump
what goes out          egress faults losses declined
the modules in use     line meters
lists of models        about_models listing model_pages joined_list describing
what outlives a call   keepers recalling turn turning asker steering remembering noticing
                       json_path
what providers keep    held held_calls held_providers held_answer native_answer own_list gathered
                       announced first_model
and what names it      named judged_doorway account_doorway batch_lines
counted later          late_calls late_reply reading_on assistant_runs usage_collector
other Replies          narrow_reply whole_reply watching_reply hiding_reply
realtime sessions      realtime handshake upgrade lane_socket session session_answers relay
                       session_clock own_words message_collector
"""
