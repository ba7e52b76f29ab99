"""Finding words, patterns and known kinds of text, in linear time.

regex.py     patterns in google-re2, and what an operator may write
growing.py   from a pattern, the pattern of every text that could still grow into a match
rule.py      rules as data, and the packs they come in (`packs/*.toml`)
matcher.py   the engine: where rules match, and which matches later text cannot change
search.py    search one text for many rules, step by step
call_search.py  search the texts of one call in turns, within a bound
checks.py    conditions on a candidate beyond its pattern: check digits, dates, entropy
national.py  check digits of national numbers
luhn.py      the check digit of cards and many national numbers
normal.py    a text without differences of case, spaces, look-alikes and hidden characters
placeholders.py  placeholders for personal data, and how models write them back
segments.py  the texts of a request, with who wrote each
values.py    the texts inside values that only one format knows
"""
