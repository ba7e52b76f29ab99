"""Where facts and small shared state are kept.

facts                  database sqlite writer rowqueue migrate
the data folder        datafolder disk ballast filesystem
state that expires     keyvalue answers limits cell
"""
