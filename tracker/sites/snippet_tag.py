"""The one line that a site's owner pastes, said in one place for `addsite`, the admin and the board."""

from html import escape

from tracker.models import Site


def tag(site: Site, base_url: str) -> str:
    """The `<script>` tag of a site; `base_url` is Footfall's public address, without a slash at its end."""
    flags = "".join(
        f" {name}"
        for name, wanted in (("data-dnt", site.honour_dnt), ("data-hash", site.hash_routes))
        if wanted
    )
    return f'<script defer src="{escape(base_url)}/t.js" data-site="{escape(site.key)}"{flags}></script>'
