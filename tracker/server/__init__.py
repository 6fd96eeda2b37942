"""The edge's own server: listener, HTTP heads, WebSocket frames, its processes and their inspection.

Imports `edge` and the rooms below; never `web`, and no Django but its settings.
"""
