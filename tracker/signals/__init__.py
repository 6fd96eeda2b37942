"""Datapoints of servers: read as statsd sends them, gathered in windows of time, stored and told of.

Imports `liveness` and `postgres`. What parses and counts knows neither Django nor I/O; time is an argument.
"""
