"""People: invited by a link, given a new password by one, and each one's own account.

Imports `access`, `queries`, the models and `tracker`.
"""
