"""The section of settings with the API tokens that read a site: made, shown once, seen in use, revoked."""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Q

from analytics.access import tokens
from analytics.access.rights import Reader
from analytics.models import Token
from analytics.sites.row_number import row_number
from analytics.sites.section import SectionAnswer, note
from tracker.models import Site


class TokenSection:
    """Tokens that read this site alone are an owner's to revoke; those that read more are told."""

    name = "tokens"
    title = "API tokens"
    template = "settings/tokens.html"

    def hidden(self, site: Site, owner: bool) -> bool:
        """Tokens are an owner's business."""
        return not owner

    def shown(self, reader: Reader, site: Site, owner: bool) -> dict[str, Any]:
        """Every token that reads the site, and whether the reader may revoke it."""
        revocable = set(tokens.revocable(reader).values_list("pk", flat=True))
        reading = Token.objects.filter(Q(sites=site) | Q(all_sites=True)).distinct()
        return {"tokens": [(token, token.pk in revocable) for token in reading]}

    def change(self, user: User, site: Site, sent: Mapping[str, str]) -> SectionAnswer:
        """Make a token for this site, or revoke one."""
        if sent.get("do") == "make":
            write = sent.get("write") == "on"
            text = tokens.issue([site], write=write)
            note(user, site, "Made an API token.")
            return SectionAnswer("Made", {"made": text})
        asked = sent.get("token", "")
        revocable = tokens.revocable(user).filter(pk=row_number(asked))
        token = revocable.filter(Q(sites=site) | Q(all_sites=True)).first()
        if token is None:
            return SectionAnswer(
                shown={"problem": "This token is not yours to revoke, or is revoked already."}
            )
        token.delete()
        note(user, site, f"Revoked the API token {token}.")
        return SectionAnswer(f"{token} is revoked")
