"""Whether visitors come through a proxy that nobody named: then all of them have its address, and are one."""

from typing import Final

# So many requests are looked back on, and twice as many at most.
RECENT: Final = 64
NOTICE: Final = (
    "All visitors look like one: they come through a proxy that is not trusted. "
    "Name your proxy in FOOTFALL_TRUSTED_PROXIES."
)


class UnnamedProxy:
    """Counts the requests that bring a forwarded address which is not believed, beside those that bring none.

    A stranger may put that header into a request of his own. So staff are told while half of all do.
    """

    def __init__(self) -> None:
        self._forwarded = 0
        self._others = 0
        self._told = False

    def came(self, forwarded: bool) -> bool:
        """A request came; whether it is the first of all with a forwarded address that is not believed."""
        if forwarded:
            self._forwarded += 1
        else:
            self._others += 1
        if self._forwarded + self._others >= 2 * RECENT:
            self._forwarded //= 2
            self._others //= 2
        first = forwarded and not self._told
        self._told = self._told or forwarded
        return first

    @property
    def notice(self) -> str:
        """What staff should know and do; empty while visitors come as they should."""
        return NOTICE if self._forwarded and self._forwarded >= self._others else ""
