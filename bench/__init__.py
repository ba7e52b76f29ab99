"""How fast is the gateway on this machine? `make bench`, or `python -m bench --help`.

A gateway's figures say little alone: the same code is twice as slow on a busy machine. So every
slice of a second is measured for the gateway, for a bare proxy (`bare_proxy.py`, the least a hop
can cost in Python) and without any hop, one right after the other, and each figure is also given
as a multiple of the bare proxy's. The headline is CPU time per call: client and provider here are
Python too, so they may be full before the gateway is, which calls per second would not show.
"""
