"""Tables derived from page views, rolled up behind a watermark.

Imports `live` and `postgres`.
"""
