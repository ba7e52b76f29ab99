"""One process: starting, logging, its control socket, stopping.

one run                serving listening reloading background watchdog interruption wallclock
                       custommodules writerwatch
the next one           supervisor handover inherited servicemanager
what it says           welcome note logs
the command line       controlsocket socketpath
looked at first        certificate diskspace portowner age memory runqueue
what it gives up       hardening
"""
