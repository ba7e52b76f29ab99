"""Storage of facts and of small shared state.

facts                  database sqlite writer rowqueue migrate
the data folder        datafolder disk ballast filesystem
state that expires     keyvalue answers claims limits cell
"""
