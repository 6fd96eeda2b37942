"""The form of day files, for those who only name it: no native library stands behind this. Pure."""

# Questions understand all of them. 2: visitors who are alike lie together. 3: `server` of page views, which
# is empty in files of before.
FORMAT = 3
# Sealed days of an older one are sealed again while their rows last: others lack nothing that these say.
AGAIN_BEFORE = 2
VIEWS, EVENTS = "views", "events"
