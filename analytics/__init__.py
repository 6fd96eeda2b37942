"""The read side: the Django project, board, reports, admin and API, and `up`, which starts it all.

Imports `tracker`, which never imports it.
"""
