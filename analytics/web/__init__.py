"""The web process: daphne, as it serves staff, and in one process visitors too, with an edge's bounds.

May import `board`, whose boards it closes at the end, and of `tracker` the edge, its server and the contract.
"""
