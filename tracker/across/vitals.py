"""How one process of Footfall is, small enough to be said each second; and several of them as one. Pure.

An edge says it with its lease, so that whoever looks at a board sees all of Footfall and not the process that
happens to serve the page.
"""

from collections.abc import Iterable

import msgspec


class Vitals(msgspec.Struct, frozen=True):
    """`messages` per second, `delay` in seconds, `cpu` in cores, `memory` in bytes; `problem` in words."""

    sockets: int = 0
    messages: float = 0.0
    delay: float = 0.0
    depth: int = 0
    cpu: float = 0.0
    memory: int = 0
    problem: str = msgspec.field(default="", name="trouble")  # as boards are sent it
    room: int = 0  # how many sockets may be held; 0 where an older process does not say


def together(parts: Iterable[Vitals]) -> Vitals:
    """Several processes as one: the longest delay, the first problem, and the sum of everything else."""
    every = list(parts)
    return Vitals(
        sockets=sum(each.sockets for each in every),
        messages=round(sum(each.messages for each in every), 1),
        delay=max((each.delay for each in every), default=0.0),
        depth=sum(each.depth for each in every),
        cpu=round(sum(each.cpu for each in every), 3),
        memory=sum(each.memory for each in every),
        problem=next((each.problem for each in every if each.problem), ""),
        room=sum(each.room for each in every),
    )
