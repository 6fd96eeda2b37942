"""Datapoints of servers: read as statsd sends them, gathered in windows of time, stored.

Imports `liveness` and `postgres`. What parses and counts knows neither Django nor I/O; the clock is an
argument.
"""
