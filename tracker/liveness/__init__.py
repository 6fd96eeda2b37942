"""What must go on for ever: whether it does, and what became of errors that nobody foresaw.

Imports nothing of Footfall.
"""
