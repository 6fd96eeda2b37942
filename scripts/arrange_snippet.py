"""How the variables of the snippet are named, and in which order its functions stand: whatever packs best.

`scripts/snippet_pieces.mjs` takes the snippet apart, and this puts it together. What was found is kept in
`static/snippet/arrangement.json`, so that the same source makes the same file; a source that it does not fit
any more starts afresh. Method: simulated annealing (Kirkpatrick et al. 1983), which takes a few minutes and
saves some 75 of 2,120 bytes.
"""

import argparse
import json
import math
import random
import string
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LETTERS = string.ascii_letters + "_$"
KEPT = Path(__file__).resolve().parent.parent / "static" / "snippet" / "arrangement.json"
WRAPPER = 18  # bytes of gzip's header and trailer
WARMTH = 0.35  # bytes that a step may lose at first


@dataclass
class Arrangement:
    """The name of every variable, and the piece that stands in each place."""

    names: list[str]
    order: list[int]


class Snippet:
    """The snippet in pieces."""

    def __init__(self, taken_apart: dict[str, Any]) -> None:
        self.pieces: list[dict[str, Any]] = taken_apart["pieces"]
        self.names: list[str] = taken_apart["names"]
        self.clashes = [set(others) for others in taken_apart["clashes"]]
        self.letters = [letter for letter in LETTERS if letter not in taken_apart["foreign"]]
        runs: dict[int, list[int]] = {}
        for number, piece in enumerate(self.pieces):
            if piece["run"] >= 0:
                runs.setdefault(piece["run"], []).append(number)
        self.runs = list(runs.values())

    def as_written(self) -> Arrangement:
        """The arrangement that it came with."""
        return Arrangement(list(self.names), list(range(len(self.pieces))))

    def fits(self, arrangement: Arrangement) -> bool:
        """Whether this is an arrangement of these pieces, in which no name hides another that is meant."""
        names, order = arrangement.names, arrangement.order
        if len(names) != len(self.names) or sorted(order) != list(range(len(self.pieces))):
            return False
        within = all({order[place] for place in run} == set(run) for run in self.runs)
        fixed = all(order[at] == at for at, piece in enumerate(self.pieces) if piece["run"] < 0)
        return within and fixed and all(self.free(names, variable) for variable in range(len(names)))

    def free(self, names: list[str], variable: int) -> bool:
        """Whether the name of a variable is nobody else's where that would matter."""
        return all(names[other] != names[variable] for other in self.clashes[variable])

    def text(self, arrangement: Arrangement) -> bytes:
        """The file."""
        said = []
        for number in arrangement.order:
            piece = self.pieces[number]
            texts = piece["texts"]
            for text, (variable, key) in zip(texts, piece["places"], strict=False):
                name = arrangement.names[variable]
                said += [text, name if key in ("", name) else f"{key}:{name}"]
            said.append(texts[-1])
        return "".join(said).encode()


def packed(text: bytes) -> int:
    """Bytes by gzip at its best level."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return len(deflate.compress(text)) + len(deflate.flush()) + WRAPPER


def kept(snippet: Snippet) -> Arrangement:
    """What was found for this source, else how it was written."""
    try:
        found = json.loads(KEPT.read_text())
        arrangement = Arrangement(found["names"].split(), found["order"])
    except FileNotFoundError:
        return snippet.as_written()
    return arrangement if snippet.fits(arrangement) else snippet.as_written()


def step(snippet: Snippet, now: Arrangement, chance: random.Random) -> Arrangement | None:
    """A neighbour: two functions change places, two letters change roles, or a variable is renamed."""
    names, order = list(now.names), list(now.order)
    what = chance.random()
    if what < 0.25:
        one, other = chance.sample(chance.choice(snippet.runs), 2)
        order[one], order[other] = order[other], order[one]
    elif what < 0.45:
        one_letter, other_letter = chance.choice(snippet.letters), chance.choice(snippet.letters)
        swap = {one_letter: other_letter, other_letter: one_letter}
        names = [swap.get(name, name) for name in names]
    else:
        variable = chance.randrange(len(names))
        before, name = names[variable], chance.choice([chance.choice(snippet.letters), chance.choice(names)])
        displaced = [other for other in snippet.clashes[variable] if names[other] == name]
        names[variable] = name
        for other in displaced:
            names[other] = before
        if not all(snippet.free(names, each) for each in (variable, *displaced)):
            return None
    return Arrangement(names, order)


def search(snippet: Snippet, start: Arrangement, rounds: int, seed: int) -> Arrangement:
    """The best arrangement that so many steps from this one come by."""
    chance = random.Random(seed)  # noqa: S311 (no secret)
    now = best = start
    size = least = packed(snippet.text(start))
    for done in range(rounds):
        tried = step(snippet, now, chance)
        if tried is None:
            continue
        there = packed(snippet.text(tried))
        warmth = WARMTH * (1 - done / rounds)
        if there <= size or chance.random() < math.exp((size - there) / warmth):
            now, size = tried, there
            if size < least:
                best, least = now, size
                print(f"{done} of {rounds}: {least} bytes", file=sys.stderr)
    return best


def main() -> None:
    """Pieces on stdin, the file on stdout."""
    parser = argparse.ArgumentParser(description="Puts the pieces of the snippet (stdin) together (stdout).")
    parser.add_argument("--search", type=int, default=0, metavar="ROUNDS", help="look for a better one first")
    parser.add_argument("--seed", type=int, default=1, help="of the search (default 1)")
    options = parser.parse_args()
    snippet = Snippet(json.load(sys.stdin))
    arrangement = kept(snippet)
    if options.search:
        arrangement = search(snippet, arrangement, options.search, options.seed)
        found = {"names": " ".join(arrangement.names), "order": arrangement.order}
        KEPT.write_text(json.dumps(found) + "\n")
    sys.stdout.buffer.write(snippet.text(arrangement))


if __name__ == "__main__":
    main()
