"""Several processes count as one: what an edge tells the others through Redis, and in which words.

Imports `live` and `conversation`.
"""
