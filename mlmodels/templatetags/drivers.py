"""What drives a model: importance of its columns, and how the prediction moves with each."""

from django import template

from mlmodels import charts
from mlmodels.learning.trainers.plan import NUMBER
from mlmodels.templatetags.columns import column_value, day_of

IMPORTANCE_SHOWN = 30

register = template.Library()


@register.simple_tag
def importance_rows(model):
    """Columns by the mean loss of score when they are shuffled, with its standard deviation."""
    columns = model.report["importance"]["columns"][:IMPORTANCE_SHOWN]
    if not any(column["mean"] > 0 for column in columns):
        return []
    low = min(0, *(column["mean"] - column["std"] for column in columns))
    high = max(column["mean"] + column["std"] for column in columns)

    def place(value):
        return (value - low) / (high - low)

    return [
        {
            "name": column["name"],
            "mean": column["mean"],
            "std": column["std"],
            "is_quiet": column["mean"] <= column["std"],
            "point": charts.point(
                place(column["mean"]),
                place(column["mean"] - column["std"]),
                place(column["mean"] + column["std"]),
                band=(place(0), place(0)),
                is_quiet=column["mean"] <= column["std"],
            ),
        }
        for column in sorted(columns, key=lambda column: -column["mean"])
    ]


@register.simple_tag
def partial_dependences(model):
    """A small chart for each of the strongest columns: the average prediction at its values."""
    columns = {column["name"]: column for column in model.features}
    shown = []
    for number, dependence in enumerate(model.report.get("partial_dependence") or []):
        column, points = columns.get(dependence["name"]), dependence["points"]
        if column is None or len(points) < 2:
            continue
        lowest, highest = (pick(points, key=lambda point: point[1]) for pick in (min, max))
        what = y_label(model, dependence)
        low, high = (column_value(x, column) for x, _ in (lowest, highest))
        message = f"{what} is lowest at {low} and highest at {high}".rstrip(".") + "."  # "9 a.m." has its own
        shown.append(
            {
                "name": dependence["name"],
                "message": message,
                **dependence_shown(dependence, number, message, column, what),
            }
        )
    return shown


def dependence_shown(dependence, number, message, column, what) -> dict:
    """Numbers and dates as a line, categories and yes/no as rows of a table."""
    points, kind = dependence["points"], column["format"]["type"]
    if dependence["kind"] == NUMBER and kind != "boolean":
        first, last = points[0][0], points[-1][0]
        days = {"ticks": [first, (first + last) / 2, last], "write": day_of} if kind == "date" else {}
        return {
            "chart": charts.curve(
                points,
                name=f"dependence-{number}",
                title=f"Prediction by {dependence['name']}",
                message=message,
                x_label=dependence["name"],
                y_label=what,
                is_share=False,
                height=260,
                **days,
            )
        }
    bars = charts.diverging_bars([y for _, y in points])
    return {
        "rows": [
            {"value": column_value(x, column), "bar": bar, "prediction": y}
            for (x, y), bar in zip(points, bars, strict=True)
        ]
    }


def y_label(model, dependence) -> str:
    if model.task == "regression":
        return f"Average {model.target['name']}"
    return f"Probability of “{dependence['label']}”" if "label" in dependence else "Probability of the class"
