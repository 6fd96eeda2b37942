"""Which page is open and where its reader came from: paths, campaigns, referrers and their channels.

Pure; imports only itself.
"""
