"""Named corrections for providers that deviate from their format.

A quirk is used on unified paths only: a caller on a native path speaks the provider's dialect on
purpose. It says which fields it left out or weakened, so that the caller can be told. The names of
a row that have no function are traits: they tell codecs how to read what comes back.

    apply      corrects the bytes of a request
    names      what a row may list
    quirk      what a quirk is
    fields closed reasoning tools content hosted_claude watsonx
               the quirks, by what they are about
    calls      those of where and how a provider is called
"""

from stockyard.providers.quirks.apply import Changed, apply, concern, in_body, marks
from stockyard.providers.quirks.hosted_claude import BETAS_FIELD

__all__ = ["BETAS_FIELD", "Changed", "apply", "concern", "in_body", "marks"]
