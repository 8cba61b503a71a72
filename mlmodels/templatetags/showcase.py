"""The example on the landing page: what a lasso predicts for one row of the sample "diabetes".

The figures are constants, because the page cannot wait for a training; a test trains and compares.
"""

from django import template

from mlmodels import charts
from mlplatform.core.formats import figure

register = template.Library()

TARGET = "progression"
ROW = 137  # of the sample
TEST_ROWS = 89
OPENING, VERDICT = "Fair:", " off by 25% on typical rows; guessing is off by 42%."
EDGES = list(range(20, 361, 20))
COUNTS = [5, 38, 52, 52, 36, 36, 35, 32, 29, 26, 21, 27, 25, 14, 9, 3, 2]
PREDICTION, LOW, HIGH = 223.92, 132.69, 315.16
CONTRIBUTIONS = {"bp": 30.56, "bmi": 30.37, "s5": 7.72, "s1": 0.71}  # the largest


@register.simple_tag
def showcase():
    return {
        "target": TARGET,
        "opening": OPENING,
        "verdict": VERDICT,
        "about": f"How far diabetes has progressed after a year, tested on {TEST_ROWS} unseen patients",
        "prediction": figure(PREDICTION),
        "interval": f"{figure(LOW)} to {figure(HIGH)} in 9 of 10 such cases",
        "chart": charts.distribution(
            EDGES,
            COUNTS,
            prediction=PREDICTION,
            interval=(LOW, HIGH),
            name="showcase",
            title=f"A prediction on the distribution of {TARGET}",
            message=f"The prediction is {figure(PREDICTION)}; 9 of 10 such cases lie between "
            f"{figure(LOW)} and {figure(HIGH)}.",
        ),
        "reasons": [
            {"name": name, "bar": bar, "by": f"+{figure(by, 3)}"}
            for (name, by), bar in zip(
                CONTRIBUTIONS.items(), charts.diverging_bars(CONTRIBUTIONS.values()), strict=True
            )
        ],
    }
