"""What Postgres' error codes say of who is at fault. Pure."""

from typing import Final

# A value that no row can hold: too long or out of range (a number, a time, a line of an index), no text at
# all, text that JSON cannot hold.
VALUE_STATES: Final = frozenset(("22001", "22003", "22008", "22021", "22P05", "54000"))
# How those begin that are of Postgres itself: no connection, no resources, locked, an operator at work, no
# disk; and of a server that only reads, in the middle of a failover.
AWAY_STATES: Final = ("08", "53", "55", "57", "58", "25006")
