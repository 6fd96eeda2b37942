"""Reads access logs of web servers: page views of the past, out of requests that people made.

It may import the models, `analytics.history`, what makes page views of what pages say, datapoints, and
Postgres itself.
"""
