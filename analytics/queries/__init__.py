"""What all questions to Postgres share: filters, ranges of time, a limit of their time, shared answers,
and turns to ask them.

Imports `tracker` only.
"""
