"""The catalog of providers, and the peculiarities of each. No I/O.

the catalog            catalog row addresses offered provider needs
which model is where   directory group current paths
secrets                auth credentials sigv4 oci_signature signable
prices                 prices
deviations             quirks
"""
