"""Who asks, from where and with what: a request, its address, agent, country and nameless identity.

No Django, no I/O; imports only itself.
"""
