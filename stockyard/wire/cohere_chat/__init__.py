"""`cohere.chat`: the second version of Cohere's chat. `codec` is the whole of it."""
