"""Tables derived from page views, rolled up behind a watermark.

Imports `contract`, `live` and `postgres`.
"""
