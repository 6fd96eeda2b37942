"""The commands of `manage.py` around the read side; imports whatever they start."""
