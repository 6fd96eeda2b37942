"""Names in the environment that look like settings of ours and are none: mistyped ones, mostly."""

import difflib
import os
import sys
from collections.abc import Iterator, MutableMapping

from analytics.configuration.table import NAMED

OURS = "FOOTFALL"
PREFIX = f"{OURS}_"
WORDS = {name.removeprefix(PREFIX): name for name in NAMED}
# What this checkout's tests and benchmarks are told.
OF_TESTS = ("FOOTFALL_TEST_", "FOOTFALL_CHAOS_", "FOOTFALL_SOAK_", "FOOTFALL_CLOCK")


def sentences(environment: MutableMapping[str, str]) -> Iterator[str]:
    """A sentence for each of them, with the setting that was probably meant.

    Takes them out of the environment: nobody reads them, and no child of this process says the same again.
    """
    for name in sorted(environment):
        if name.upper().startswith(OURS) and not name.startswith(OF_TESTS) and name not in NAMED:
            del environment[name]
            # Without what all begin with, which would make any short name resemble another.
            near = difflib.get_close_matches(name.upper().removeprefix(PREFIX), WORDS, n=1, cutoff=0.7)
            meant = f" (did you mean {WORDS[near[0]]}?)" if near else ""
            yield f"{ascii(name)[1:-1]} is no setting of Footfall, and changes nothing{meant}."


def tell(environment: MutableMapping[str, str] = os.environ) -> None:
    """Print these sentences on standard error."""
    for sentence in sentences(environment):
        print(sentence, file=sys.stderr, flush=True)
