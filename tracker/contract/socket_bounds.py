"""What a connection may cost beyond its messages: alike for every server that pages and boards reach."""

from typing import Final

# From the first byte of anything to its last: a request with its body, a handshake, a frame, a message of
# several frames. 8,192 bytes in this time are 6.6 kbit/s, slower than any network that still opens pages; and
# whoever sends a byte now and then holds a socket, and half a frame in memory, no longer than this.
WHOLE_SECONDS: Final = 10.0
# Bytes of a read. One that is shorter and ends no frame counts as a frame does: waking up for a byte costs as
# much as for a message. A network cuts what it carries at no less than 536 bytes.
SHORT_READ: Final = 512
# Bytes of a frame or message that are still read, so that what is beyond a page's 8,192 can be told 4413.
READ_LIMIT: Final = 16_384
# Reads of a head; reads and frames after this side has said its close. A browser's are one to three: whoever
# has more to say, at whatever speed, is not listened to any more.
FEW_READS: Final = 64
