"""Pages of a huge table: nothing is counted beyond a bound, since counting it all makes an admin slow."""

from functools import cached_property
from typing import Any, cast

from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.urls import reverse

MOST_COUNTED = 10_000


class CappedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts up to MOST_COUNTED rows; further rows are reached by a narrower range or filter."""

    @cached_property
    def found(self) -> int:
        """How many rows there are, MOST_COUNTED + 1 standing for more."""
        rows: QuerySet[Any] = cast("QuerySet[Any]", self.object_list)
        # No order: a count that need not sort stops at the bound.
        return rows.order_by()[: MOST_COUNTED + 1].count()

    @cached_property
    def count(self) -> int:
        return min(self.found, MOST_COUNTED)

    @property
    def more(self) -> bool:
        """Whether there are more rows than were counted."""
        return self.found > MOST_COUNTED


class GrowingList(ChangeList):
    """A list of a growing table, newest first: the order of its key, so that no page needs a sort."""

    def get_ordering(self, request: Any, queryset: Any) -> list[Any]:
        return [f"-{self.model_admin.moment}", "-id"]  # type: ignore[attr-defined]

    def get_results(self, request: Any) -> None:
        super().get_results(request)
        if not self.multi_page:
            # Rows may have come since the count: one page stays one page.
            self.result_list = self.result_list[: self.list_per_page]

    def url_for_result(self, result: Model) -> str:
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_change"
        return reverse(name, args=[self.model_admin.address(result)])  # type: ignore[attr-defined]
