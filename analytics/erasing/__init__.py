"""Takes what was stored away again: a site, days, pages, a visitor's day; as if it had never been there.

It may import the models, `analytics.history`, the write side's minutes and partitions, and Postgres itself.
"""
