"""Which files this process opens, as the interpreter itself reports it."""

import contextlib
import sys

_listeners: list[list] = []


@contextlib.contextmanager
def listening_to_opened_files():
    """Yields a list that fills with the names of the files that are opened meanwhile."""
    opened = []
    _listeners.append(opened)
    try:
        yield opened
    finally:
        _listeners.remove(opened)


def _hear(event: str, details: tuple) -> None:
    if event == "open":
        for opened in _listeners:
            opened.append(details[0])


# For good: the interpreter has no way to take an audit hook back.
sys.addaudithook(_hear)
