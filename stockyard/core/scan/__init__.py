"""Finding words, patterns and known kinds of text, in linear time.

regex.py     patterns in google-re2, and what an operator may write
growing.py   from a pattern, the pattern of every text that could still become a match
rule.py      rules as data, and the packs they come in (`packs/*.toml`)
matcher.py   the engine: where rules match, and which part of a text later text cannot change
search.py    one text searched with many rules, a part at a time
reading.py   the texts of one call, read in turns and up to a bound
checks.py    what a candidate must satisfy beyond its shape: check digits, dates, entropy
national.py  the check digits of national numbers
normal.py    a text as a reader sees it: case, spaces, look-alikes and hidden characters undone
placeholders.py  placeholders for personal data, and how models write them back
segments.py  the texts of a request with who wrote them
values.py    the texts inside values that only one format knows
"""
