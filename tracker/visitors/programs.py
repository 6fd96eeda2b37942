"""Whether an agent is a program rather than a person: by what it calls itself, then by a list of others.

Such a list is never believed alone: one had the build of Android 15, and refused millions of phones. What has
a browser's engine and the mark of a device or an app is a person, unless it names itself a program, whatever
the list says. What has no engine shows no page to anybody. The list is left with what looks like a desktop.
"""

import re
from typing import Final

import crawleruseragents

_TEXT: Final = (
    # What reads pages for others.
    "crawl spider scraper slurp archiver fetcher fetch/ validator harvest "
    # Browsers without anybody before them, and what drives them.
    "headless phantomjs slimerjs casperjs puppeteer playwright selenium webdriver testcafe "
    "nightwatch htmlunit jsdom zombie prerender rendertron applitools screenshot wkhtml "
    "browsershot agentcore thumbnail "
    # Who measures pages, or looks whether they are up.
    "lighthouse pagespeed gtmetrix ptst/ pingdom catchpoint synthetic statuscake site24x7 "
    "uptime monitoring newrelic checkly speedcurve dareboost debugbear calibreapp dynatrace "
    "websitepulse webpagetest yellowlab sitespeed sitebulb "
    # Assistants and networks that look at a page for somebody.
    "externalhit externalagent externalfetcher externalads facebookcatalog webindexer "
    "mediapartners googleother novaact operator/ apis-google "
    # Who looks for holes; libraries.
    "virustotal netcraft censys nessus acunetix nikto sqlmap qualys detectify sucuri wpscan "
    "libwww-perl aiohttp"
)
WORDS: Final = tuple(_TEXT.split())
PATTERNS: Final = re.compile(
    r"""
    # No browser says where one may read about it, or whom to write to; two old add-ons did.
    https?[:;]?//(?!(?:www\.)?(?:bsalsa|avantbrowser)\.)
    | [\w.+-](?:@|\[at\]|\ at\ )[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}\b
    # Not CUBOT, who makes phones.
    | (?<!cu)bots?(?![a-z]) | [-_ ]agent(?![a-z:]) | \baudit\b | \bindexer | \bseo\b
    | (?:link|url|uri|bing|microsoft|web|yahoo|page)[ ]?preview | (?:link|site)[ -]?check
    | \b(?:cypress|percy|chromatic)\b | splash[ ]version | ylt[ ]chrome | page[ ]speed
    | google[ ]favicon | prefetch[ ]proxy
    | (?:google|claude|chatgpt|perplexity|mistralai|manus|amzn|gemini|cohere|anthropic|openai|duckassist)
      [-_](?:user|web|ai|extended|inspection|safety|read-aloud|deep|notebooklm|site|physical|ads|cloud|search)
    | \bcurl/ | \bwget | python[-/] | http-?client | ^java/ | ^ruby | ^okhttp
    """,
    re.VERBOSE,
)
# What shows pages: engines, and those before there were engines of many browsers.
ENGINE: Final = re.compile(
    r"AppleWebKit/|Gecko|Presto/|Trident/|MSIE |KHTML|Goanna/|Servo/|LibWeb/|NetFront|Obigo|Teleca"
    r"|UP\.Browser|Opera[/ ]|UCWEB|UCBrowser|MIDP|DoCoMo|KDDI-|SoftBank/|J-PHONE/|BlackBerry|SonyEricsson"
    r"|HbbTV|PLAYSTATION|PlayStation|Nintendo|Lynx/|ELinks|^Links |w3m/|Dillo/|NetSurf/|Konqueror|iCab"
)
MARK: Final = re.compile(
    # Phones, tablets, readers, televisions, consoles, cars, glasses.
    r"Android|iPhone|iPad|iPod|HarmonyOS|OpenHarmony|Windows Phone|IEMobile|BlackBerry|BB10|PlayBook"
    r"|Symbian|Series ?[346]0|KAIOS|\((?:Mobile|Tablet|Phone);|Tizen|SMART-TV|Smart ?TV|Web0S|webOS|hpwOS"
    r"|HbbTV|CrKey|NetCast|Apple ?TV|BRAVIA|Viera|VIERA|AQUOS|VIDAA|PlayStation|PLAYSTATION|Nintendo|Xbox"
    r"|Kindle|Silk/|Kobo|PocketBook|NOOK|tolino|Bada|MeeGo|Maemo|Sailfish|Ubuntu Touch|MIDP|OculusBrowser"
    r"|Tesla/|Apple Watch"
    # A page within an app, on desktops too.
    r"|; wv\)|FB_IAB|FBA[NV]/|MetaIAB|Instagram|MicroMessenger|WindowsWechat|Line/|Viber|Tumblr/|WhatsApp"
    r"|Electron/|Pinterest|Snapchat|musical_ly|BytedanceWebview|Telegram|Twitter for|LinkedInApp|Slack_SSB"
    r"|Discord/|Teams/|Valve Steam|baiduboxapp|BIDUBrowser|baidubrowser|QQ/|QQBrowser|MetaSr|360SE|Weibo"
    r"|AlipayClient|DingTalk|KAKAOTALK|NAVER\(|DaumApps|GSA/|DuckDuckGo/|Ecosia|Bluesky/|Zalo|YaBrowser"
    r"|coc_coc"
)


def is_program(user_agent: str) -> bool:
    """Whether this is a program: one that says so, that shows no pages, or that says nothing."""
    if names_itself(user_agent.lower()) or not ENGINE.search(user_agent):
        return True
    return not MARK.search(user_agent) and bool(crawleruseragents.is_crawler(user_agent))


def names_itself(lower: str) -> bool:
    """Whether an agent, in lower case, says that it is a program."""
    # Looked for one by one, these words take a twentieth of what they take as a pattern.
    return any(word in lower for word in WORDS) or PATTERNS.search(lower) is not None
