"""Which sites are tracked: their rows, hosts, salts and snippet tags, kept in memory.

Imports `visitors` and the models.
"""
