"""What all questions to Postgres share: filters, ranges of time, a limit of their time, shared answers.

Imports `tracker` only.
"""
