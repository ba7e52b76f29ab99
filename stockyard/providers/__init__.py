"""Who can be called: the catalog of providers, and what is peculiar to each. No I/O.

the catalog            catalog row addresses offered provider needs
which model is where   directory group current paths
secrets                auth credentials sigv4 oci_signature signable
prices                 prices
deviations             quirks
"""
