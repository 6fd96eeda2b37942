"""Who is on each site right now: dimensions, counters, filters and the stream of what happens.

Pure and in memory; imports `contract`.
"""
