"""What pages and Footfall may say to each other, and the records that come of it.

Pure; imports only itself.
"""
