"""What a page's messages mean: its session, the page view that it holds, and who may hold it.

No Django, no I/O; imports `contract`, `live`, `visitors` and `pages`.
"""
