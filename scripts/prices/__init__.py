"""Makes `stockyard/providers/prices.json` from two public collections of prices, both MIT.

    pip install msgspec genai-prices litellm
    python -m scripts.prices

`genai.py` and `litellm.py` each read one collection into the same words (`told.py`), `sellers.py`
says who of theirs is who of ours, `merge.py` decides: genai-prices wins, litellm fills in what it
does not say. What they disagree about is printed.
"""
