"""What `manage.py doctor` finds: sizes, what ends when, and what is wrong, each with what to do.

Imports `up`, `upkeep`, and of `tracker` what is kept and by which jobs; imported by the command only.
"""
