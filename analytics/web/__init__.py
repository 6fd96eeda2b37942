"""The server of the web process: daphne, for staff, and in one process for visitors, with an edge's bounds.

May import `board`, whose boards it closes at the end, and of `tracker` the edge, its server and the contract.
"""
