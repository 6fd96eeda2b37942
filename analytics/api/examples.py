"""Examples of all that the API takes and answers, put together from one of each field. Pure."""

from typing import Any

# A field has the same meaning wherever it stands.
FIELDS: dict[str, Any] = {
    "key": "k7f3a9c2p1qd",
    "site": "k7f3a9c2p1qd",
    "domain": "example.com",
    "shown": "example.com",
    "hosts": ["example.com", "www.example.com"],
    "timezone": "Europe/Berlin",
    "page_parameters": ["id"],
    "query_parameters": ["color"],
    "excluded_addresses": ["192.0.2.0/24"],
    "excluded_paths": ["/admin/*"],
    "number": 7,
    "id": 7,
    "place": "2026-11-26.1795703400000000.17",
    "visit": "2026-11-26.1795703400000000.17",
    "at": "2026-11-26T14:30:00Z",
    "as_of": "2026-11-26T20:38:04Z",
    "began": "2026-05-03",
    "name": "purchase",
    "page": "/pricing",
    "path": ["/", "/pricing"],
    "said": {"purchase": 1},
    "entry_page": "/",
    "exit_page": "/pricing",
    "title": "Prices",
    "query": "",
    "server": "",
    "referrer": "Google",
    "channel": "search",
    "country": "DE",
    "browser": "Firefox",
    "system": "Linux",
    "device": "desktop",
    "properties": {"plan": "pro", "currency": "EUR"},
    "value": 49.9,
    "visitor": 17,
    "views": 2,
    "events": 1,
    "seconds": 84.2,
    "engaged_seconds": 41.5,
    "depth": 80,
    "live": False,
    "next": None,
    "preparing": None,
    "damaged": None,
    "compared": None,
    "imported": {
        "products": ["Plausible"],
        "from": "2026-10-28",
        "to": "2026-11-02",
        "days": 6,
        "totals": {"visitors": 7120, "views": 24055},
        "rows": [{"day": "2026-11-02", "visitors": 1204, "views": 4310}],
        "found": 6,
    },
    "period": {"from": "2026-10-28", "to": "2026-11-26", "zone": "Europe/Berlin", "interval": "day"},
    "metrics": ["visitors", "views"],
    "totals": {"visitors": 38412, "views": 142310},
    "rows": [{"day": "2026-11-26", "visitors": 1320, "views": 4871}],
    "rows_total": {"visitors": 38412, "views": 142310},
    "found": 30,
    "deleted": {"name": "Order", "kind": "event", "pattern": "purchase", "property": "", "value": ""},
    "error": "There is no such site, or you may not see it.",
    "field": "by",
    "message": "There is no such dimension.",
    "allowed": ["page", "country"],
    "reason": "host",
    "of": "staging.example.com",
    "tabs": 12,
    "count": 12,
}
# Values of a kind, where the field has no example.
KINDS = {"string": "", "integer": 1, "number": 1.5, "boolean": True, "null": None}


def with_examples(description: dict[str, Any]) -> dict[str, Any]:
    """The description, in which each parameter, body and answer has an example."""
    named = description.get("components", {}).get("schemas", {})
    for operations in description["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                parameter.setdefault("example", example_of(parameter["schema"], named, parameter["name"]))
            answers = operation["responses"].values()
            for place in (operation.get("requestBody", {}), *answers):
                for content in place.get("content", {}).values():
                    if "schema" in content:
                        content.setdefault("example", example_of(content["schema"], named))
    return description


def example_of(schema: dict[str, Any], named: dict[str, Any], name: str = "") -> Any:
    """An example of what a schema describes; `name`: of the field that it is of."""
    if "$ref" in schema:
        return example_of(named[schema["$ref"].rpartition("/")[2]], named, name)
    if schema.get("examples"):
        return schema["examples"][0]
    # An object says itself what it is made of, whatever its field is called.
    if "properties" in schema:
        return {field: example_of(each, named, field) for field, each in schema["properties"].items()}
    items = schema.get("items", {})
    if "$ref" in items:
        return [example_of(items, named)]
    choices = [each for each in (*schema.get("anyOf", ()), *schema.get("allOf", ())) if each]
    if any("$ref" in each for each in choices):
        return example_of(choices[0], named, name)
    if schema.get("enum"):
        return schema["enum"][0]
    if name in FIELDS:
        return FIELDS[name]
    if "default" in schema:
        return schema["default"]
    if choices:
        return example_of(choices[0], named, name)
    if schema.get("type") == "array":
        return [example_of(items, named)] if items else []
    return KINDS.get(str(schema.get("type")), {})
