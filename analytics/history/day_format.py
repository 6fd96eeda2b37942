"""The form of day files, for those who only name it: no native library stands behind this. Pure."""

# Sealed days of an older one are sealed again while their rows last; questions understand all of them.
FORMAT = 2
VIEWS, EVENTS = "views", "events"
