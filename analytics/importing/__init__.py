"""Figures that other products counted: read from their exports, kept apart from what Footfall counted.

It may import the models, `analytics.queries`, `analytics.history`, whose questions they answer too, and
Postgres through Django alone.
"""
