"""Which sites are tracked: their rows, hosts, salts and snippet tags, kept in memory.

Imports `contract`, `visitors` and the models.
"""
