"""Who may see and do what: rights, tokens, log-in and its limits, boards' readers and their origins.

Imports `queries` and `tracker`.
"""
