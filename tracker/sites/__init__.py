"""Which sites are tracked: their rows, hosts, salts and snippet tags, kept in memory.

Imports `contract`, `pages`, `visitors` and the models.
"""
