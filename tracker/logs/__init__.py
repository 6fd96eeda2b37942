"""How the log is written: lines that nobody can forge, without what visitors say, and few of each kind.

The settings name it to every process. Imports `liveness`.
"""
