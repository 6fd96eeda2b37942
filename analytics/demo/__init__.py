"""Made-up visitors of the demo site, through real sockets: so that a newcomer sees a living board at once.

Imports `tracker.contract` and `tracker.visitors`.
"""
