"""What happened: figures and lists over days, as charts, words and spreadsheets.

Imports `queries`, `access` and `tracker`; never `live` or `board`.
"""
