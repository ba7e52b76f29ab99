"""Named corrections for what one provider does differently.

A quirk is used on unified paths only: a caller on a native path speaks the provider's dialect on
purpose. It says which fields it left out or weakened, so that the caller can be told. The names of
a row that have no function are traits: they tell codecs how to read what comes back.

    apply      corrects the bytes of a request
    names      what a row may list
    quirk      what a quirk is
    fields reasoning tools content     the quirks, by what they are about
"""

from stockyard.providers.quirks.apply import Changed, apply, concern

__all__ = ["Changed", "apply", "concern"]
