"""`cohere.chat`: version 2 of Cohere's chat. `codec` ties the other files together."""
