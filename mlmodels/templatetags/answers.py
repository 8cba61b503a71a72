"""One answer: on the distribution of the target, with its reliability and its reasons."""

import math

from django import template

from mlmodels import charts
from mlmodels.templatetags.columns import class_shares, column_value, tick_words
from mlplatform.core.formats import SECONDS_A_DAY, figure, fixed, percent

INPUTS_CHARACTERS_MAX = 120
REASONS_SHOWN = 6
PROBABILITIES_SHOWN = 10

register = template.Library()


@register.filter
def answer_in_words(answer, model):
    """A predicted number as the target is written, or the class; of a deleted model the plain number."""
    if model is None:
        return figure(answer)
    return column_value(answer, model.target) if model.task == "regression" else answer


@register.simple_tag
def reliability_in_words(output, model):
    """ "288,000 to 403,000 in 9 of 10 such cases"; of classes those that cannot be ruled out."""
    if interval := output.get("interval"):
        said = " to ".join(str(column_value(interval[end], model.target)) for end in ("low", "high"))
        return f"{said} in {figure(interval['level'] * 10, 2)} of 10 such cases"
    likely = output.get("prediction_set") or []
    return f"{' or '.join(map(str, likely))}: none of them can be ruled out" if len(likely) > 1 else ""


@register.simple_tag
def actual_in_words(prediction):
    """Such as "the prediction was 12,000 too low; the value is within the interval"."""
    actual, output, model = prediction.actual, prediction.output, prediction.model
    if model.task != "regression":
        return "as predicted" if actual == output["prediction"] else "not as predicted"
    miss = actual - output["prediction"]
    is_date = model.target["format"]["type"] == "date"
    size = f"{figure(abs(miss) / SECONDS_A_DAY, 3)} days" if is_date else figure(abs(miss))
    directions = ("early", "late") if is_date else ("low", "high")
    said = f"the prediction was {size} too {directions[miss < 0]}" if miss else "exactly as predicted"
    if interval := output.get("interval"):
        is_within = interval["low"] <= actual <= interval["high"]
        said += f"; the value is {'within' if is_within else 'outside'} the interval"
    return said


@register.simple_tag
def difference_in_words(varied):
    """ "12,000 more than the answer you paid for", or by how many points a probability rose or fell."""
    difference = varied.output["difference"]
    if not difference:
        return "the same as the answer you paid for"
    compared = "more" if difference > 0 else "less"
    if varied.model.task == "regression":
        return f"{figure(abs(difference))} {compared} than the answer you paid for"
    label = varied.output["explanation"]["label"]
    likely = "likelier" if difference > 0 else "less likely"
    return (
        f"“{label}” is {likely} by {fixed(abs(difference) * 100, 1)} points than in the answer you paid for"
    )


@register.simple_tag
def answer_chart(model, stored=None):
    """Where the prediction lies among the values of the target; before there is one, what is typical."""
    profile = model.target.get("profile") or {}
    histogram = profile.get("histogram")
    if model.task == "classification":
        return class_chart(model, profile) if stored is None else ""
    if not histogram:
        return ""
    name = model.target["name"]
    words = {"name": "answer", "title": f"Distribution of {name}", **tick_words(model.target)}
    if stored is None:
        return charts.distribution(
            histogram["edges"],
            histogram["counts"],
            reference=(profile["typical"], "typical row"),
            message=f"Histogram of {name} in the dataset, with the middle value marked.",
            **words,
        )
    interval = stored.output.get("interval")
    prediction = stored.output["prediction"]
    return charts.distribution(
        histogram["edges"],
        histogram["counts"],
        prediction=prediction,
        interval=(interval["low"], interval["high"]) if interval else None,
        message=f"Histogram of {name}; the prediction is {column_value(prediction, model.target)}. "
        f"{reliability_in_words(stored.output, model)}",
        **words,
    )


def class_chart(model, profile):
    shares = class_shares(profile) if profile else []
    if not shares:
        return ""
    name = model.target["name"]
    return charts.categories(
        shares, name="answer", title=f"Distribution of {name}", message=f"Shares of {name} in the dataset."
    )


@register.simple_tag
def probability_rows(stored):
    """Classes with their probability, the likeliest first; of many classes the others apart."""
    rows = [
        {"label": label, "share": share, "bar": charts.bar(share)}
        for label, share in stored.ranked_probabilities
    ]
    return {"likeliest": rows[:PROBABILITIES_SHOWN], "others": rows[PROBABILITIES_SHOWN:]}


@register.simple_tag
def reasons(explanation, stored, model):
    """What moves the prediction away from a typical row: the strongest columns, the others, the sum."""
    if not explanation or not any(explanation["contributions"].values()):
        return None  # the typical row itself
    write = contribution_writer(explanation)
    rows = reason_rows(explanation, stored.inputs, {column["name"]: column for column in model.features})
    for row, bar in zip(rows, charts.diverging_bars([row["by"] for row in rows]), strict=True):
        sign, css = ("+", "up") if row["by"] > 0 else ("−", "down")
        row |= {"bar": bar, "css": css, "words": f"{sign}{write(abs(row['by']))}"}
    difference = explanation["prediction"] - explanation["base"]
    return {
        "heading": f"Why {write(abs(difference))} {'above' if difference > 0 else 'below'} a typical row",
        "rows": rows,
        "sum": write(explanation["prediction"]),
        "label": explanation.get("label"),
    }


def reason_rows(explanation, inputs, columns) -> list[dict]:
    ranked = sorted(explanation["contributions"].items(), key=lambda item: -abs(item[1]))
    rows = [
        {"name": name, "value": column_value(inputs.get(name), columns[name]), "by": by}
        for name, by in ranked[:REASONS_SHOWN]
        if by
    ]
    rest = [by for _, by in ranked[REASONS_SHOWN:] if by]
    if rest:
        rows.append(
            {"name": f"{len(rest)} other{'s' if len(rest) > 1 else ''}", "value": "", "by": sum(rest)}
        )
    return rows


def contribution_writer(explanation):
    """Numbers to so many digits that their sum can be checked; probabilities in percent."""
    if "label" in explanation:
        return lambda value: percent(value, 1)
    largest = max(abs(explanation["prediction"]), *map(abs, explanation["contributions"].values()))
    decimals = max(3 - math.floor(math.log10(largest)), 0) if largest else 0
    return lambda value: fixed(value, min(decimals, 8))


@register.simple_tag
def out_of_range_in_words(out_of_range, model):
    """ "2,400 is above 1,850, the largest value in training."."""
    column = next(column for column in model.features if column["name"] == out_of_range.column)
    return out_of_range.message(column["format"]["type"], lambda value: column_value(value, column))


@register.simple_tag
def inputs_in_words(prediction):
    """ "area 120, district Harbour", as far as it fits a line."""
    if prediction.model:
        words = [
            f"{c['name']} {column_value(prediction.inputs[c['name']], c)}" for c in prediction.model.features
        ]
    else:
        words = [f"{name} {figure(value)}" for name, value in prediction.inputs.items()]
    return charts.shorten(", ".join(words), INPUTS_CHARACTERS_MAX)
