"""Pages of a ledger that take the same time however long it is."""

from django.core.paginator import Paginator
from django.utils.functional import cached_property


class LedgerPaginator(Paginator):
    """Pages by the gapless numbers of an account's entries, so the database counts and skips no rows."""

    @cached_property
    def count(self):
        return self.object_list.last_seq()

    def page(self, number):
        number = self.validate_number(number)
        newest = self.count - (number - 1) * self.per_page
        entries = self.object_list.filter(seq__lte=newest, seq__gt=newest - self.per_page).latest_first()
        return self._get_page(entries, number, self)
