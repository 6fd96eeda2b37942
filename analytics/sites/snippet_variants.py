"""The snippet as different sites take it: each variant is one block to copy, and a sentence where it goes.

Facts about the frameworks come from their own documentation of scripts: Next's `next/script`, Nuxt's
`app.head`, Astro's `is:inline`, WordPress' `wp_head`, and Google Tag Manager's custom HTML, which drops
attributes that it does not know.
"""

from typing import NamedTuple
from urllib.parse import urlsplit

from django.utils.html import escape

from tracker.models import Site
from tracker.sites import snippet_tag


class SnippetVariant(NamedTuple):
    """One way to put the snippet in: its name in ids, its title, where it goes, and what to copy."""

    name: str
    title: str
    where: str
    block: str


def variants(site: Site, base: str) -> list[SnippetVariant]:
    """All of them, the plain tag first; `base`: Footfall's address, without a slash at its end."""
    tag = snippet_tag.tag(site, base)
    return [
        SnippetVariant("plain", "Plain tag", "Anywhere in each page, best before </head>.", tag),
        SnippetVariant(
            "gtm",
            "Tag manager",
            "In Google Tag Manager: a tag of the kind “Custom HTML” that fires on all pages.",
            _tag_manager(site, base),
        ),
        SnippetVariant(
            "wordpress",
            "WordPress",
            "At the end of functions.php in your child theme, or as a PHP snippet of a plugin like WPCode.",
            _wordpress(tag),
        ),
        SnippetVariant("next", "Next.js", "In app/layout.tsx, within <body>.", _next(site, base)),
        SnippetVariant("nuxt", "Nuxt", "In nuxt.config.ts.", _nuxt(site, base)),
        SnippetVariant(
            "astro",
            "Astro",
            "In the <head> of your layout, like src/layouts/Layout.astro.",
            tag.replace("<script ", "<script is:inline ", 1),
        ),
        SnippetVariant(
            "hash",
            "Routes behind #",
            "For apps whose pages are /#/pricing. Switch on “pages are told apart by their #fragment” "
            "in the settings, too.",
            tag if site.hash_routes else tag.replace("></script>", " data-hash></script>"),
        ),
        SnippetVariant(
            "csp",
            "Strict CSP",
            "Add these sources to your page’s Content-Security-Policy; the tag itself stays the plain one.",
            _policy(base),
        ),
    ]


def _attributes(site: Site) -> dict[str, str]:
    """What the tag says beside its address."""
    flags = {"data-dnt": site.honour_dnt, "data-hash": site.hash_routes}
    return {"data-site": site.key} | {name: "" for name, wanted in flags.items() if wanted}


def _tag_manager(site: Site, base: str) -> str:
    attributes = _attributes(site)
    if len(attributes) == 1:
        return f'<script async src="{escape(base)}/t.js?site={escape(site.key)}"></script>'
    # The manager drops data attributes of a tag, and none that a script sets.
    said = "\n".join(f"  s.setAttribute({name!r}, {value!r});" for name, value in attributes.items())
    return (
        "<script>\n(function () {\n  var s = document.createElement('script');\n"
        f"  s.src = '{escape(base)}/t.js';\n{said}\n  document.head.appendChild(s);\n}})();\n</script>"
    )


def _wordpress(tag: str) -> str:
    return f"add_action( 'wp_head', function () {{\n\techo '{tag}' . \"\\n\";\n}} );"


def _next(site: Site, base: str) -> str:
    said = " ".join(f'{name}="{escape(value)}"' for name, value in _attributes(site).items())
    return (
        'import Script from "next/script";\n\n'
        f'<Script src="{escape(base)}/t.js" {said} strategy="afterInteractive" />'
    )


def _nuxt(site: Site, base: str) -> str:
    said = ", ".join(f'"{name}": "{value}"' for name, value in _attributes(site).items())
    return (
        "export default defineNuxtConfig({\n  app: {\n    head: {\n      script: [\n"
        f'        {{ src: "{base}/t.js", defer: true, {said} }},\n'
        "      ],\n    },\n  },\n});"
    )


def _policy(base: str) -> str:
    parts = urlsplit(base)
    sockets = f"{'wss' if parts.scheme == 'https' else 'ws'}://{parts.netloc}"
    return f"script-src {base}; connect-src {base} {sockets};"
