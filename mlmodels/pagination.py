"""Pages of lists that grow without end."""

from django.core.paginator import Paginator
from django.utils.functional import cached_property

ROWS_COUNTED_MAX = 10_000
LAST = "last"


class KeysPaginator(Paginator):
    """Pages of primary keys, which an index has in order; those of the second half are read from its end."""

    def page(self, number):
        number = self.validate_number(number)
        first = (number - 1) * self.per_page
        if self.is_nearer_to_end(first):
            behind = max(self.count - first - self.per_page, 0)
            keys = list(self.object_list.reverse()[behind : self.count - first])[::-1]
        else:
            keys = list(self.object_list[first : first + self.per_page])
        return self._get_page(keys, number, self)

    def is_nearer_to_end(self, row: int) -> bool:
        return row > self.count / 2


class LongListPaginator(KeysPaginator):
    """Counts the first 10,000 rows, which takes as long in every list; for pages behind them it counts all.

    `LAST` instead of a number is the last page.
    """

    counts_all = False

    @cached_property
    def count(self):
        return self.object_list[: ROWS_COUNTED_MAX + 1].count()

    @property
    def more_than(self) -> int | None:
        """How many pages were counted, if there are more."""
        is_cut = self.count > ROWS_COUNTED_MAX and not self.counts_all
        return self.counted_pages_max if is_cut else None

    @property
    def counted_pages_max(self) -> int:
        return ROWS_COUNTED_MAX // self.per_page

    def get_page(self, number):
        if not self._is_near(number):
            self.count, self.counts_all = self.object_list.count(), True
        return super().get_page(self.num_pages if number == LAST else number)

    def is_nearer_to_end(self, row):
        return not self.more_than and super().is_nearer_to_end(row)

    def _is_near(self, number) -> bool:
        """Whether the counted rows are enough to tell if there is this page, and what is on it."""
        try:
            return 1 <= int(number) <= self.counted_pages_max
        except (TypeError, ValueError):
            return number != LAST
