"""All of Footfall killed at once: what is stored stays, and page views that were open then end."""

import os
import signal
import uuid

import pytest

from scripts.stands import clusters
from scripts.stands.folders import temporary_folder
from scripts.stands.page_messages import page
from scripts.stands.product import Product
from scripts.stands.waiting import wait_for
from tests.visitor_sockets import opened

# As if the minute that a silent process is given had passed.
LATER = "UPDATE tracker_edge SET seen_at = seen_at - interval '60 seconds' WHERE id = %s RETURNING beat_at"
STORED = "SELECT edge, began_at, ended_at FROM tracker_pageview WHERE id = %s"


@pytest.mark.waits
def test_a_page_view_that_nobody_ended_ends_with_its_edges_last_sign() -> None:
    with temporary_folder("footfall-product-") as folder:
        clusters.copy_to(folder)
        product = Product(folder)
        try:
            key, said = product.add_site("example.com"), page("/", uuid.uuid4())
            with opened(product, key, said):
                # Not up first: web would notice, say goodbye and end what is open.
                product.process.send_signal(signal.SIGSTOP)
                os.kill(product.web, signal.SIGKILL)
                product.stop(signal.SIGKILL)
            product = Product(folder)
            (stored,) = product.rows(STORED, said["id"])
            assert stored["ended_at"] is None
            (dead,) = product.rows(LATER, stored["edge"])
            ended = wait_for(
                lambda: product.rows(STORED + " AND ended_at IS NOT NULL", said["id"]), 20, "the end"
            )
            assert ended[0]["ended_at"] == max(dead["beat_at"], stored["began_at"])
        finally:
            if product.process.poll() is None:
                assert product.stop() == 0
