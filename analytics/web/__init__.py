"""The server of the web process: daphne, for staff, and in one process for visitors, with an edge's bounds.

May import `board`, whose boards it closes at the end, and of `tracker` the edge, its server and the contract.
"""

import sys

# nginx speaks TLS, and nobody here: without OpenSSL, which it may lack, Twisted leaves out 60 modules, 6 MB.
sys.modules.setdefault("OpenSSL", None)  # type: ignore[arg-type]  # how Python is told that there is none
