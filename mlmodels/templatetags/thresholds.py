"""What a threshold of a model of two classes does on the test rows, and what that costs."""

from django import template

from mlmodels import charts
from mlmodels.templatetags.quality import confusion_table
from mlplatform.core.formats import figure, percent

register = template.Library()


def nearest(rows, threshold) -> dict:
    return min(rows, key=lambda row: abs(row["threshold"] - threshold))


def cost_of(row, missed_cost, wrong_cost) -> float:
    return row["false_negatives"] * missed_cost + row["false_positives"] * wrong_cost


def cost_without(row, missed_cost, wrong_cost) -> tuple[float, str]:
    """Of the same answer to every row, whichever costs less; and the word for it."""
    never = (row["true_positives"] + row["false_negatives"]) * missed_cost
    always = (row["true_negatives"] + row["false_positives"]) * wrong_cost
    return (always, "always") if always < never else (never, "never")


def cheapest(rows, missed_cost, wrong_cost) -> float:
    """The threshold with the lowest cost, of equals the one nearest to a half; within what can be chosen."""
    allowed = [row for row in rows if 0.01 <= row["threshold"] <= 0.99]
    best = min(allowed, key=lambda row: (cost_of(row, missed_cost, wrong_cost), abs(row["threshold"] - 0.5)))
    return best["threshold"]


@register.simple_tag
def threshold_preview(model, chosen):
    """What the threshold of the form would do; `chosen` are its values."""
    thresholds = model.report["thresholds"]
    rows, label = thresholds["rows"], thresholds["label"]
    costs = chosen["missed_cost"], chosen["wrong_cost"]
    now = nearest(rows, chosen["threshold"] / 100)
    best = cheapest(rows, *costs)
    guess, answering = cost_without(now, *costs)
    labels = model.report["confusion_matrix"]["labels"]
    return {
        "label": label,
        "cheapest": best,
        "cost": cost_of(now, *costs),
        "guess": guess,
        "answering": answering,
        "matrix": confusion_table(labels, counts_of(now, labels.index(label)), label),
        "chart": cost_chart(rows, label, costs, now, best),
    }


def counts_of(row, positive: int) -> list[list[int]]:
    """As a confusion matrix: rows are actual classes, columns predicted ones."""
    yes = [row["true_positives"], row["false_negatives"]]
    no = [row["false_positives"], row["true_negatives"]]
    return [yes, no] if positive == 0 else [no[::-1], yes[::-1]]


def cost_chart(rows, label, costs, now, best):
    points = sorted((row["threshold"] * 100, cost_of(row, *costs)) for row in rows)
    guess, answering = cost_without(now, *costs)
    return charts.curve(
        points,
        name="costs",
        title="Cost of each threshold",
        message=f"At {percent(now['threshold'])} the test rows would cost {figure(cost_of(now, *costs))}; "
        f"{answering} answering “{label}” would cost {figure(guess)}. The cheapest is {percent(best)}.",
        x_label="Threshold in percent",
        y_label="Cost",
        reference=[(points[0][0], guess), (points[-1][0], guess)],
        now=(now["threshold"] * 100, cost_of(now, *costs)),
        is_share=False,
        height=250,
    )
