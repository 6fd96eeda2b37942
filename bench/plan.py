"""What a generator process is told to do, and what it tells when it is done; both travel as JSON."""

import ipaddress
import json
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

from scripts.stands.delays import Delays

MOST_PAGES = 18_000  # of one process, which may open 20,000 files
# Longer than the longest run, which is two hours of soaking, and what that takes before and after.
MOST_SECONDS = 3 * 3600.0
DELAYS = ("acks", "loads", "returns")


class Mode(StrEnum):
    """What the pages of a run do."""

    LOADS = "loads"  # connect, page, ack, close; and the next one
    HOLD = "hold"  # stay open, with a turnover
    STATES = "states"  # stay open, and say again and again how they are looked at


@dataclass(frozen=True)
class Plan:
    """One generator process, or several until it is split. Only ever at the loopback, always to an end."""

    mode: Mode
    key: str
    ports: tuple[int, ...]  # a visitor always comes to the same one
    seconds: float  # of measuring; for HOLD: at most, when nobody stops it
    run: int  # 32 bits, no other run's
    host: str = "127.0.0.1"
    process: int = 0
    warm: float = 1.0  # seconds before the measuring
    pages: int = 256  # open at once
    rate: float = 0.0  # LOADS: a second, 0 for as many as go; HOLD: turnover; STATES: messages a second
    paths: int = 1000  # distinct ones
    tabs: int = 1  # per visitor
    returns: bool = False  # whether dropped pages come back, as the snippet's do
    patience: float = 30.0  # seconds that they wait for that at most
    ledger: str = ""  # the file to keep

    def __post_init__(self) -> None:
        if not ipaddress.ip_address(self.host).is_loopback:
            raise ValueError(f"{self.host} is not on the loopback, and nothing else is ever a target.")
        if self.pages <= 0 or not 0 < self.seconds <= MOST_SECONDS:
            raise ValueError(f"Some pages, for {MOST_SECONDS:.0f} s at most.")

    def text(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str) -> "Plan":
        said: dict[str, Any] = json.loads(text)
        return cls(**{**said, "mode": Mode(said["mode"]), "ports": tuple(said["ports"])})

    def split(self, processes: int) -> list["Plan"]:
        """The same load, shared by several processes. Raises ValueError where one had too many pages."""
        if self.pages > processes * MOST_PAGES:
            raise ValueError(f"A process holds at most {MOST_PAGES} pages.")
        return [
            replace(
                self,
                process=self.process + index,
                pages=self.pages // processes + (index < self.pages % processes),
                rate=self.rate / processes,
                ledger=f"{self.ledger}.{index}" if self.ledger else "",
            )
            for index in range(processes)
        ]


@dataclass
class RunOutcome:
    """What came of it, within the seconds that were measured."""

    seconds: float = 0.0
    done: int = 0  # LOADS: acknowledged pages; STATES: messages; HOLD: pages turned over
    acked: int = 0  # pages that were acknowledged at any time, warming up included
    cpu: float = 0.0  # seconds of the generator itself
    errors: dict[str, int] = field(default_factory=dict)
    acks: Delays = field(default_factory=Delays)  # from saying the page to its ack
    loads: Delays = field(default_factory=Delays)  # from when the load was due to its ack
    returns: Delays = field(default_factory=Delays)  # from a return's due time to the handshake's answer

    @property
    def rate(self) -> float:
        """Done a second."""
        return self.done / self.seconds if self.seconds else 0.0

    def text(self) -> str:
        said = {name: getattr(self, name) for name in ("seconds", "done", "acked", "cpu", "errors")}
        return json.dumps({**said, **{name: getattr(self, name).buckets() for name in DELAYS}})

    @classmethod
    def read(cls, text: str) -> "RunOutcome":
        said: dict[str, Any] = json.loads(text)
        return cls(**{**said, **{name: Delays(said[name]) for name in DELAYS}})

    def merge(self, other: "RunOutcome") -> None:
        """Add what another process of the same run did."""
        self.seconds = max(self.seconds, other.seconds)
        self.done += other.done
        self.acked += other.acked
        self.cpu += other.cpu
        for name, count in other.errors.items():
            self.errors[name] = self.errors.get(name, 0) + count
        for name in DELAYS:
            getattr(self, name).merge(getattr(other, name))
