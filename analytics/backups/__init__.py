"""Backups: one file of all that Footfall keeps, made while pages come, and the way back from it.

Imports `up`, for data folders and Postgres, and of the write side `postgres`, `storing` and `liveness`.
"""
