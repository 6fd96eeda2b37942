"""The files of pages: scripts, styles and pictures, packed, under addresses that change with them.

Imports nothing of ours.
"""
