"""What is known of a page view when it begins, as it is stored and as it is counted."""

from operator import attrgetter
from sys import intern
from uuid import UUID

from tracker.contract import messages
from tracker.contract.records import SOURCE_COLUMNS, Attribution, Begin, Owner, VisitSource
from tracker.conversation.services import Caller
from tracker.live.dimensions import COLUMNS
from tracker.pages import page_url, referrers

_names = attrgetter(
    *(column if column in Begin.__struct_fields__ else f"attribution.{column}" for column in COLUMNS)
)
# By their places in the table of dimensions.
_OF_VISIT = tuple((kind, column) for kind, column in enumerate(COLUMNS) if column in SOURCE_COLUMNS)


def begin_of(
    caller: Caller,
    message: messages.PageMessage,
    url: page_url.PageUrl,
    visitor: UUID,
    owner: Owner,
    wall: float,
    server: str = "",
) -> Begin:
    """The record of its begin, at `wall` (seconds since the epoch, the server's clock).

    `server`: which one told of it, where no page did.
    """
    return Begin(
        site_id=caller.site.id,
        id=message.id,
        owner=owner,
        began_at=wall,
        path=intern(url.path),  # thousands of tabs have the same few
        attribution=_attribution(caller, message, url, visitor),
        query=url.query,
        title=message.title,
        engaged_ms=message.engaged_ms,
        depth=message.depth,
        server=server,
    )


def names_of(begin: Begin, own: VisitSource, source: VisitSource) -> tuple[str, ...]:
    """What it is counted under while it is live, in the order of the dimensions.

    `own`: where it came from itself; `source`: where its visit did.
    """
    names: tuple[str, ...] = _names(begin)
    # Equal sources are one object, and most visits begin here: 0.9 µs are spared.
    return names if source is own else from_source(names, source)


def from_source(names: tuple[str, ...], source: VisitSource) -> tuple[str, ...]:
    """The names of a page view whose visit came from `source`."""
    told = list(names)
    for kind, column in _OF_VISIT:
        told[kind] = getattr(source, column)
    found = tuple(told)
    return names if found == names else found


def _attribution(
    caller: Caller, message: messages.PageMessage, url: page_url.PageUrl, visitor: UUID
) -> Attribution:
    ref = url.ref if caller.site.ref_parameters else ""
    referrer = referrers.read(message.referrer, caller.site.allows, url.utm, ref, url.paid)
    return Attribution(
        visitor=visitor,
        referrer=referrer.source,
        referrer_url=referrer.url,
        channel=referrer.channel,
        browser=caller.agent.browser,
        system=caller.agent.system,
        device=caller.agent.device,
        country=caller.country,
        language=message.language,
        width=message.width,
        # People write one campaign in several ways; it is one.
        utm_source=url.utm.source.lower(),
        utm_medium=url.utm.medium.lower(),
        utm_campaign=url.utm.campaign.lower(),
        utm_term=url.utm.term.lower(),
        utm_content=url.utm.content.lower(),
    )
