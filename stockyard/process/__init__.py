"""One process: how it starts, what it says, how it is reached from this machine, how it stops.

serving        one run, from the first line to the last
listening      the socket, or who has it already
welcome        what is said when it is ready
controlsocket  how the CLI reaches it
custommodules  modules of the operator's own
logs           what it writes while it runs
background     work that nobody waits for
hardening      what it takes from itself: core dumps, wide file modes, secrets it has read
"""
