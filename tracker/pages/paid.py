"""Whether somebody paid for the click that brought a visitor: ids that ad networks add, words of link makers.

The facts are from the networks' own help pages (Google Ads "auto-tagging", Microsoft "MSCLKID", Meta "URL
parameters", TikTok "TTCLID", LinkedIn "enhanced conversion tracking", X "click id"), and from the media that
Google's Analytics counts as paid.
"""

import re
from collections.abc import Collection
from functools import lru_cache
from typing import Final

# Each is added to the links of ads, and to no others.
AD_CLICK_IDS: Final = frozenset(
    ("gclid", "gbraid", "wbraid", "dclid", "gclsrc", "gad_source", "gad_campaignid", "msclkid", "ttclid")
) | frozenset(
    (
        "twclid",
        "li_fat_id",
        "yclid",
        "ymclid",
        "rdt_cid",
        "sccid",
        "qclid",
        "ndclid",
        "vmcid",
        "tblci",
        "obclid",
    )
)
# Added to every link that leaves a network, whether somebody paid for it or not.
CLICK_IDS: Final = AD_CLICK_IDS | frozenset(("fbclid", "igshid", "epik", "mc_cid"))
# With these `fbclid` is that of an ad: what Meta's ads and the tools around them fill in.
AD_PARAMETERS: Final = frozenset(
    ("ad_id", "adset_id", "campaign_id", "ad_name", "adset_name", "campaign_name", "fb_ad_id", "h_ad_id")
) | frozenset(("hsa_acc", "hsa_cam", "hsa_grp", "hsa_ad", "hsa_src", "hsa_net", "utm_id", "placement"))
MEDIA: Final = frozenset(
    (
        "cpc",
        "ppc",
        "cpm",
        "cpa",
        "cpv",
        "cpp",
        "cpl",
        "cpi",
        "ppv",
        "paid",
        "sem",
        "sea",
        "ad",
        "ads",
        "adwords",
    )
) | frozenset(
    (
        "display",
        "banner",
        "retargeting",
        "remarketing",
        "sponsored",
        "promoted",
        "advert",
        "advertising",
        "psa",
    )
)
JOINED_MEDIA: Final = re.compile(
    r"paid(?:search|social|media|ads?|display|video|shopping)|(?:search|social)ads?"
)
# Not every word that ends in "ads": threads, downloads.
AD_SOURCE: Final = re.compile(
    r"adwords|(?:google|bing|facebook|fb|instagram|ig|meta|tiktok|linkedin|twitter|x|reddit|pinterest|snapchat|"
    r"yandex|microsoft|apple|amazon|youtube|quora|yahoo)[-_. ]?ads?|.+[-_. ]ads?"
)
_WORDS: Final = re.compile(r"[^\W_]+")


def by_parameters(names: Collection[str]) -> bool:
    """Whether the names of a query's parameters, in lower case, are those of an ad's link."""
    return not AD_CLICK_IDS.isdisjoint(names) or ("fbclid" in names and not AD_PARAMETERS.isdisjoint(names))


@lru_cache(1024)
def by_words(source: str, medium: str) -> bool:
    """Whether a link's maker says so: `utm_medium=cpc`, `paid_social`, `Display`, `utm_source=google-ads`."""
    medium = medium.lower()
    if any(word in MEDIA for word in _WORDS.findall(medium)) or JOINED_MEDIA.fullmatch(medium):
        return True
    return bool(AD_SOURCE.fullmatch(source.lower()))
