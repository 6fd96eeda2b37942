"""Servers' datapoints on the read side: series and windows out of Postgres, and those that fill now.

Imports `access` and `queries`, and of `tracker` the models, `liveness` and `signals`.
"""
