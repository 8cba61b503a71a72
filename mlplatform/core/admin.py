"""Admin lists of tables that grow without end."""

from django.core.paginator import Paginator
from django.utils.functional import cached_property

ROWS_COUNTED_MAX = 10_000


class BoundedPaginator(Paginator):
    """Counts and pages through the first 10,000 rows; search and filters find what lies behind them."""

    @cached_property
    def count(self):
        return self.object_list[:ROWS_COUNTED_MAX].count()
