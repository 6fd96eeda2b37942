import time
from pathlib import Path

import crawleruseragents
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.visitors import agents, programs
from tracker.visitors.agents import Agent, is_bot, read

CORPORA = Path(__file__).parent / "corpora"
CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0"
PEOPLE = {
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Safari/537.36": Agent(
        "Chrome", "Windows", "desktop"
    ),
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Safari/537.36 Edg/156.0.0.0": Agent(
        "Edge", "Windows", "desktop"
    ),
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 "
    "Safari/605.1.15": Agent("Safari", "Mac OS X", "desktop"),
    "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0": Agent(
        "Firefox", "Linux", "desktop"
    ),
    f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {CHROME} Safari/537.36": Agent(
        "Chrome", "Chrome OS", "desktop"
    ),
    f"Mozilla/5.0 (Linux; Android 10; K) {CHROME} Mobile Safari/537.36": Agent(
        "Chrome Mobile", "Android", "mobile"
    ),
    f"Mozilla/5.0 (Linux; Android 10; K) {CHROME} Safari/537.36": Agent("Chrome", "Android", "tablet"),
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/26.1 Mobile/15E148 Safari/604.1": Agent("Mobile Safari", "iOS", "mobile"),
    "Mozilla/5.0 (iPad; CPU OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/26.1 Mobile/15E148 Safari/604.1": Agent("Mobile Safari", "iOS", "tablet"),
    "Mozilla/5.0 (Android 15; Mobile; rv:150.0) Gecko/150.0 Firefox/150.0": Agent(
        "Firefox Mobile", "Android", "mobile"
    ),
    "Mozilla/5.0 (Android 15; Tablet; rv:150.0) Gecko/150.0 Firefox/150.0": Agent(
        "Firefox Mobile", "Android", "tablet"
    ),
    "Mozilla/5.0 (Linux; Android 14; SAMSUNG SM-S928B) AppleWebKit/537.36 (KHTML, like Gecko) "
    "SamsungBrowser/29.0 Chrome/136.0.0.0 Mobile Safari/537.36": Agent(
        "Samsung Internet", "Android", "mobile"
    ),
    "Mozilla/5.0 (SMART-TV; Linux; Tizen 7.0) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/4.0 "
    "Chrome/94.0.4606.31 TV Safari/537.36": Agent("Samsung Internet", "Tizen", "other"),
}
BOTS = [
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    f"Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) {CHROME} Mobile Safari/537.36 "
    "(compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
    "Mozilla/5.0 (compatible; ClaudeBot/1.0; +claudebot@anthropic.com)",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/156.0.0.0",
    "curl/8.14.1",
    "python-requests/2.32",
    "Go-http-client/1.1",
    "",
    "  ",
]


@pytest.mark.parametrize(("header", "agent"), PEOPLE.items())
def test_browser_system_and_device_are_named(header: str, agent: Agent) -> None:
    assert read(header) == agent
    assert not is_bot(header)


@pytest.mark.parametrize("header", BOTS)
def test_bots_are_recognised(header: str) -> None:
    assert is_bot(header)


def test_every_example_of_the_bot_list_is_recognised() -> None:
    examples = [
        text for entry in crawleruseragents.CRAWLER_USER_AGENTS_DATA for text in entry.get("instances", [])
    ]
    missed = [text for text in examples if not is_bot(text)]
    assert len(examples) > 1000
    assert len(missed) <= len(examples) // 100, missed[:20]


def corpus(name: str) -> list[str]:
    """The agents of a corpus; what a file of one says of itself are lines that begin with "# "."""
    lines = (CORPORA / name).read_text().splitlines()
    return [line for line in lines if line.strip() and not line.startswith("# ")]


def test_nobody_who_reads_pages_is_refused() -> None:
    people = corpus("people.txt")
    assert len(set(people)) == len(people) >= 300
    assert [agent for agent in people if is_bot(agent)] == []


def test_97_of_100_programs_are_refused() -> None:
    found = corpus("programs.txt")
    assert len(set(found)) == len(found) >= 150
    missed = [agent for agent in found if not is_bot(agent)]
    assert len(missed) <= len(found) * 0.03, missed


def test_a_list_that_names_phones_and_apps_refuses_none_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crawleruseragents, "is_crawler", lambda agent: True)
    marked = [agent for agent in corpus("people.txt") if programs.MARK.search(agent)]
    assert len(marked) > 250
    assert [agent for agent in marked if programs.is_program(agent)] == []


@pytest.mark.parametrize("word", ["Sonic", "bot", "Googlebot/2.1", "CUBOT_NOTE 50", "robot.txt reader"])
def test_a_name_decides_and_not_what_it_has_in_it(word: str) -> None:
    phone = f"Mozilla/5.0 (Linux; Android 15; {word} Build/X) {CHROME} Mobile Safari/537.36"
    assert is_bot(phone) is (word not in ("Sonic", "CUBOT_NOTE 50"))


def test_no_header_takes_long_to_judge() -> None:
    for text in ("a" * 512, "a@" * 256, "a.b-c+" * 85, "http" * 128, "google-" * 73, "((((" * 128):
        began = time.perf_counter()
        programs.is_program(text)
        assert time.perf_counter() - began < 0.5


def test_a_long_header_is_looked_at_only_so_far_and_remembered_so_long() -> None:
    header = next(iter(PEOPLE))
    assert read(header.ljust(agents.LENGTH_LIMIT, " ") + "iPad" * 10_000) == read(header)
    before = agents.known_agent.cache_info().currsize
    for number in range(5):
        read("x" * agents.LENGTH_LIMIT + str(number))
    assert agents.known_agent.cache_info().currsize == before + 1


@given(st.text())
def test_any_header_is_an_agent(header: str) -> None:
    assert read(header).device in ("desktop", "mobile", "tablet", "other")
    assert is_bot(header) in (True, False)
