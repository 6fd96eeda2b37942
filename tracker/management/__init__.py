"""The commands of `manage.py` around the write side; imports whatever they start."""
