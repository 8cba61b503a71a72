"""Numbers to inline SVG: no script, no style attributes, colored by static/css/charts.css.

Every chart takes a `name` that is unique on its page (its ids are made from it), a `title`, and a `message`:
one sentence that says what the chart shows, read out by screen readers. Charts are drawn in a coordinate
system of their own and scaled by the page; cells of tables are drawn in percentages.
"""

from mlmodels.charts.cells import bar, diverging_bars, meter, point, scale, sparkbars
from mlmodels.charts.curves import calibration, curve, scatter
from mlmodels.charts.distributions import categories, distribution, histogram
from mlmodels.charts.plot import nice_ticks, shorten

__all__ = [
    "bar", "calibration", "categories", "curve", "distribution", "diverging_bars", "histogram", "meter",
    "nice_ticks", "point", "scale", "scatter", "shorten", "sparkbars",
]  # fmt: skip
