"""Static files: under addresses that name their content, and under their own."""

import gzip
import re

import pytest
from asgiref.sync import async_to_sync
from django.http import HttpResponseBase
from django.templatetags.static import static
from django.test import AsyncClient

from analytics.assets import files

NAME = "board/board.css"


def get(path: str, **headers: str) -> HttpResponseBase:
    return async_to_sync(AsyncClient().get)(path, headers=headers)


def hashed() -> str:
    return static(NAME)


def body(answer: HttpResponseBase) -> bytes:
    content: bytes = answer.content  # type: ignore[attr-defined]
    return content


def test_an_address_that_names_its_content_is_kept_for_good() -> None:
    answer = get(hashed())
    assert re.fullmatch(r"/static/board/board\.[0-9a-f]{12}\.css", hashed())
    assert answer["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer["Content-Type"] == "text/css"
    assert body(answer) == files.asset_paths()[NAME].read_bytes()


@pytest.mark.parametrize("path", ["/static/board/board.css", "/static/board/board.000000000000.css"])
def test_a_plain_or_an_older_name_is_asked_about_each_time(path: str) -> None:
    answer = get(path)
    assert answer["Cache-Control"] == "no-cache"
    assert body(answer) == files.asset_paths()[NAME].read_bytes()
    again = get(path, if_none_match=answer["ETag"])
    assert (again.status_code, body(again)) == (304, b"")
    assert get(path, if_none_match='W/"another"').status_code == 200


def test_texts_are_packed_for_whoever_unpacks_them() -> None:
    packed = get(hashed(), accept_encoding="br, gzip")
    assert packed["Content-Encoding"] == "gzip"
    assert packed["Vary"] == "Accept-Encoding"
    assert int(packed["Content-Length"]) == len(body(packed)) < len(body(get(hashed())))
    assert gzip.decompress(body(packed)) == body(get(hashed()))


def test_a_head_is_answered_without_the_file() -> None:
    answer = async_to_sync(AsyncClient().head)(hashed())
    assert body(answer) == b""
    assert int(answer["Content-Length"]) == len(body(get(hashed())))


@pytest.mark.parametrize(
    "name",
    [
        *("", "board", "board/", "board/none.js", "board/none.0123456789ab.js", "../manage.py"),
        *(
            "%2e%2e/manage.py",
            "/etc/passwd",
            "//etc/passwd",
            "board/../../manage.py",
            "über/\N{PILE OF POO}.js",
        ),
    ],
)
def test_there_is_nothing_under_other_names(name: str) -> None:
    assert get(f"/static/{name}").status_code == 404


def test_names_that_there_are_none_of_take_no_memory() -> None:
    get(hashed())
    before = files._read.cache_info().currsize, len(files.asset_paths())
    for number in range(50):
        get(f"/static/none-{number}.0123456789ab.js")
    assert (files._read.cache_info().currsize, len(files.asset_paths())) == before


def test_an_unknown_file_has_an_address_that_names_nothing() -> None:
    assert static("board/none.js") == "/static/board/none.js"
