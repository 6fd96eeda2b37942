"""Background work: the table of jobs, purges, weeks that are over, page views that nobody ended.

Imports `storing`, `rollups`, `postgres` and `contract`.
"""
