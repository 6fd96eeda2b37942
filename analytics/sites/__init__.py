"""What staff do with sites: all of them at a glance, adding one, setting it up, and its settings.

Imports `live`, `access`, `queries`, the models and `tracker`.
"""
