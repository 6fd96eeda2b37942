"""The supervisor `manage.py up`, and what it starts and ends: account, folders, Postgres, processes, nginx.

Imported by `manage.py up`, the settings, and who starts Postgres too; `first_start` alone imports models.
"""
