"""An SVG under construction: margins, axes, and the mapping from data to coordinates."""

import math
from collections.abc import Sequence
from os.path import commonprefix

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from mlplatform.core.formats import GROUPED_FROM, figure, short_number

CHARACTER_WIDTH = 7  # of the small text, generous


class Plot:
    """A plot area inside margins. What is added is escaped."""

    def __init__(self, name: str, title: str, message: str, *, width: float = 528, height: float = 330):
        self.name, self.title, self.message = name, title, message
        self.width, self.height = width, height
        self.left, self.right = 66, width - 16
        self.top, self.bottom = 12, height - 44
        self.parts: list[str] = []

    def scale(self, *, x: tuple[float, float], y: tuple[float, float]):
        """Give the axes their range; a range without width is opened around its value."""
        self.x_low, self.x_high = opened(*x)
        self.y_low, self.y_high = opened(*y)

    def x(self, value: float) -> float:
        share = (value - self.x_low) / (self.x_high - self.x_low)
        return round(self.left + share * (self.right - self.left), 1)

    def y(self, value: float) -> float:
        share = (value - self.y_low) / (self.y_high - self.y_low)
        return round(self.bottom - share * (self.bottom - self.top), 1)

    def add(self, template: str, *values):
        self.parts.append(format_html(template, *values))

    def text(self, x: float, y: float, content, *, anchor: str = "middle", css: str = ""):
        self.add('<text class="{}" x="{}" y="{}" text-anchor="{}">{}</text>', css, x, y, anchor, content)

    def line(self, css: str, points):
        path = "L".join(f"{self.x(x):g} {self.y(y):g}" for x, y in points)
        self.add('<path class="{}" d="M{}"/>', css, path)

    def dot(self, css: str, x: float, y: float, radius: float = 6):
        self.add('<circle class="{}" cx="{}" cy="{}" r="{}"/>', css, self.x(x), self.y(y), radius)

    def axes(self, x_label: str, y_label: str, x_ticks=None, y_ticks=None, write=None, write_x=None):
        y_ticks = y_ticks or nice_ticks(self.y_low, self.y_high)
        write_y = write or writer_of(y_ticks)
        for value in y_ticks:
            at = self.y(value)
            self.add('<path class="grid" d="M{} {}H{}"/>', self.left, at, self.right)
            self.text(self.left - 6, at + 4, write_y(value), anchor="end")
        self.x_axis(x_label, x_ticks, write_x or write)
        middle = (self.top + self.bottom) / 2
        self.add(
            '<text transform="translate(13 {}) rotate(-90)" text-anchor="middle">{}</text>',
            middle,
            shorten(y_label, 32),
        )

    def x_axis(self, label: str = "", ticks=None, write=None):
        ticks = nice_ticks(self.x_low, self.x_high) if ticks is None else ticks
        write = write or writer_of(ticks)
        self.add('<path class="axis" d="M{} {}H{}"/>', self.left, self.bottom, self.right)
        for value in ticks:
            self.tick(self.x(value), write(value))
        if label:
            self.text((self.left + self.right) / 2, self.bottom + 38, shorten(label, 48))

    def tick(self, x: float, words: str):
        """A label below the axis, moved inside near the edges, with room for the larger text on phones."""
        room = len(str(words)) * CHARACTER_WIDTH * 0.7
        if x + room > self.width:
            self.text(self.width, self.bottom + 17, words, anchor="end")
        elif x < room:
            self.text(0, self.bottom + 17, words, anchor="start")
        else:
            self.text(x, self.bottom + 17, words)

    def svg(self, css: str = "chart") -> SafeString:
        return format_html(
            '<svg class="{css}" viewBox="0 0 {width} {height}" role="img" focusable="false"'
            ' aria-labelledby="{name}-title" aria-describedby="{name}-message">'
            '<title id="{name}-title">{title}</title><desc id="{name}-message">{message}</desc>{parts}</svg>',
            css=css,
            width=self.width,
            height=self.height,
            name=self.name,
            title=self.title,
            message=self.message,
            parts=mark_safe("".join(self.parts)),  # noqa: S308 each part was escaped by add()
        )


def nice_ticks(low: float, high: float, count: int = 5) -> list[float]:
    """About `count` round values between `low` and `high`: steps of 1, 2, 2.5 or 5 times a power of ten."""
    low, high = opened(low, high)
    rough = (high - low) / count
    magnitude = 10 ** math.floor(math.log10(rough))
    step = next(m * magnitude for m in (1, 2, 2.5, 5, 10) if m * magnitude >= rough * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [float(f"{i * step:.12g}") for i in range(first, last + 1)]


def writer_of(ticks):
    """Thousands as k where there are ten of them: 1950 stays a year."""
    return short_number if max(map(abs, ticks), default=0) >= GROUPED_FROM else figure


def shorten(text: object, length: int) -> str:
    text = str(text)
    return text if len(text) <= length else text[: max(length - 1, 1)] + "…"


def shorten_apart(texts: Sequence[object], length: int) -> list[str]:
    """Each text shortened; of those that would look the same, what they have in common is cut instead."""
    shortened = [shorten(text, length) for text in texts]
    for short in {text for text in shortened if shortened.count(text) > 1}:
        alike = [position for position, text in enumerate(shortened) if text == short]
        common = commonprefix([str(texts[position]) for position in alike])
        start = max(common.rfind(" ") + 1, len(common) - length // 2)
        for position in alike:
            shortened[position] = "…" + shorten(str(texts[position])[start:], length - 1)
    return shortened


def opened(low: float, high: float) -> tuple[float, float]:
    if high > low:
        return low, high
    margin = abs(low) / 2 or 0.5
    return low - margin, high + margin
