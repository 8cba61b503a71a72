"""The answer on the landing page: a real one, of the sample table "Diabetes", as its own page shows it."""

from django import template

from mlmodels import charts
from mlplatform.core.formats import figure

register = template.Library()

TARGET = "progression"
EDGES = [25 + 16.05 * edge for edge in range(21)]
COUNTS = [6, 32, 45, 35, 42, 26, 29, 33, 19, 31, 24, 17, 18, 20, 21, 21, 9, 8, 2, 4]
PREDICTION, LOW, HIGH = 220.6, 135.8, 305.3
CONTRIBUTIONS = {"bmi": 28.63, "s5": 20.55, "bp": 9.65, "s3": 6.79, "age": 2.24}


@register.simple_tag
def showcase():
    return {
        "target": TARGET,
        "opening": "Fair:",
        "verdict": " off by 28% on typical rows; guessing is off by 42%.",
        "about": "How far diabetes has progressed after a year, checked on 89 patients it never saw",
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
