"""Every setting: its name, kind, default and meaning, checked at start and refused in one sentence.

Imports nothing of the project but the reader of host names.
"""
