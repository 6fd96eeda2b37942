"""Gives out all that was stored of a site, row by row, and takes such files in again.

It may import the models, `analytics.history`, the write side's minutes and partitions, and Postgres itself.
"""
