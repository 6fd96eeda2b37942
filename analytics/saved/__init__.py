"""What members save for the reports of a site: goals, segments, annotations.

Imports `history`, whose questions speak of them, `access`, `models` and `tracker`.
"""
