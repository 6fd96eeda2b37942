"""What one process that holds sockets owns: its sites, live counts, sessions and write buffer; who is let in.

Imports the rooms below: `contract` to `across`.
"""
