"""The write side: how page views reach Footfall, are counted live and are stored.

Imports nothing of `analytics`.
"""
