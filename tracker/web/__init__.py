"""How pages reach Footfall through Django and Channels: sockets, the POST in their place, and `/t.js`.

Imports `edge` and the rooms below; never `server`.
"""
