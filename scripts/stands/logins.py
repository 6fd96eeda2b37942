"""Members of staff who log in as a browser does."""

import http.client
import re
from urllib.parse import urlencode

# Hashing gives way to all others: on a machine that is full a password takes ten times as long.
PATIENCE = 30.0


def log_in(port: int, name: str, password: str) -> str:
    """The Cookie header of a member of staff who logged in as a browser does."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    connection.request("GET", "/login/")
    first = connection.getresponse()
    form = first.read().decode()
    csrf = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', form)
    assert csrf, "The login page has no form."
    cookie = _cookies(first)
    body = urlencode({"username": name, "password": password, "csrfmiddlewaretoken": csrf[1]})
    headers = {
        "Cookie": cookie,
        "Content-Type": "application/x-www-form-urlencoded",
        "Origin": f"http://127.0.0.1:{port}",
    }
    connection.request("POST", "/login/", body, headers)
    second = connection.getresponse()
    second.read()
    connection.close()
    assert second.status == 302, f"The login was answered with {second.status}."
    return _cookies(second)


def _cookies(response: http.client.HTTPResponse) -> str:
    said = response.headers.get_all("Set-Cookie") or []
    return "; ".join(each.partition(";")[0] for each in said)
