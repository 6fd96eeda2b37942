"""Page views and events that servers tell of, in batches: by HTTP, or out of a broker's messages.

Imports `contract`, `edge`, `liveness`, `models`, `signals` and `sites`.
"""
