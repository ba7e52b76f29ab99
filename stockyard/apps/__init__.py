"""Vertical slices of the product, all with the same file names inside.

what an app is         app
for all of them        jobs sweep
how calls are made     chute
what happened          lookout
what it cost           billing
who may call           teams
what outlives a call   responses repeats
"""
