"""How a publisher's fields become those of an item: `uri=url,agent.name=user_agent,plan=properties.plan`.

Pure. What has our names already stays; what is neither named nor ours is passed over.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from tracker.contract.server_items import ServerItem

OURS: Final = ServerItem.__struct_fields__
PROPERTY: Final = "properties."


class WrongMap(ValueError):
    """What was asked for is no map; the message tells people so."""


class FieldMap(NamedTuple):
    """`renamed`: the publisher's field, by its path, and ours; `constants`: ours, and what it always is."""

    renamed: tuple[tuple[tuple[str, ...], str], ...] = ()
    constants: tuple[tuple[str, str], ...] = ()

    def apply(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """An object as a publisher says it, with our names."""
        fields = dict(given)
        for path, name in self.renamed:
            value = _at(given, path)
            if value is not None:
                _put(fields, name, value)
        for name, text in self.constants:
            _put(fields, name, text)
        return fields


def read(renamed: str, constants: str = "") -> FieldMap:
    """`theirs=ours,…` and `ours=text,…`. Raises WrongMap."""
    return FieldMap(
        tuple((tuple(theirs.split(".")), _ours(ours, "--map")) for theirs, ours in _pairs(renamed, "--map")),
        tuple((_ours(ours, "--set"), text) for ours, text in _pairs(constants, "--set")),
    )


def _pairs(text: str, option: str) -> list[tuple[str, str]]:
    example = "uri=url,userAgent=user_agent" if option == "--map" else "type=view,server=app-1"
    found = []
    for part in filter(None, (each.strip() for each in text.split(","))):
        left, equals, right = (each.strip() for each in part.partition("="))
        if not (left and equals and right):
            raise WrongMap(f"{option} is a list such as {example}: {part!r} is no pair.")
        found.append((left, right))
    return found


def _ours(name: str, option: str) -> str:
    if name in OURS or (name.startswith(PROPERTY) and len(name) > len(PROPERTY)):
        return name
    raise WrongMap(
        f"{option}: items have no field {name!r}; they have {', '.join(OURS)}, and properties.NAME."
    )


def _at(given: Any, path: tuple[str, ...]) -> Any:
    # A field may have a dot in its name, as flattened objects do.
    if isinstance(given, Mapping) and (flat := given.get(".".join(path))) is not None:
        return flat
    for name in path:
        if not isinstance(given, Mapping):
            return None
        given = given.get(name)
    return given


def _put(fields: dict[str, Any], name: str, value: Any) -> None:
    if not name.startswith(PROPERTY):
        fields[name] = value
        return
    properties = fields.get("properties")
    # Never the publisher's own object.
    fields["properties"] = {
        **(properties if isinstance(properties, dict) else {}),
        name.removeprefix(PROPERTY): value,
    }
