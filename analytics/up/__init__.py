"""What `manage.py up` starts and ends: account, data folder, Postgres, Valkey, edges, nginx, web server.

Imported by nobody but `manage.py up`, the settings, and `backups`, which start Postgres too.
"""
