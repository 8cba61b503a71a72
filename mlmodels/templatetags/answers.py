"""One answer: on the distribution of the target, with its reliability and its reasons."""

from django import template

from mlmodels import charts
from mlmodels.templatetags.columns import class_shares, column_value, tick_words
from mlplatform.core.formats import figure

INPUTS_CHARACTERS_MAX = 120
REASONS_SHOWN = 6

register = template.Library()


@register.filter
def answer_in_words(answer, model):
    """A predicted number as the target is written, or the class."""
    return column_value(answer, model.target) if model.task == "regression" else answer


@register.simple_tag
def interval_in_words(output, model):
    """ "288,000 to 403,000 in 9 of 10 such cases"; nothing for answers without an interval."""
    interval = output.get("interval")
    if not interval:
        return ""
    low, high = (column_value(interval[end], model.target) for end in ("low", "high"))
    return f"{low} to {high} in {figure(interval['level'] * 10, 2)} of 10 such cases"


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
        f"{interval_in_words(stored.output, model)}",
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
    """Classes with their probability, the likeliest first; those of the prediction set are marked."""
    likely = stored.output.get("prediction_set") or []
    return [
        {"label": label, "share": share, "bar": charts.bar(share), "is_likely": label in likely}
        for label, share in stored.ranked_probabilities
    ]


@register.simple_tag
def out_of_range_in_words(out_of_range, model):
    """ "2,400 is above 1,850, the largest in training"."""
    if out_of_range.minimum is None:
        return f"{out_of_range.value} was not in the training data"
    column = next(column for column in model.features if column["name"] == out_of_range.column)
    value = column_value(out_of_range.value, column)
    if out_of_range.value > out_of_range.maximum:
        return f"{value} is above {column_value(out_of_range.maximum, column)}, the largest in training"
    return f"{value} is below {column_value(out_of_range.minimum, column)}, the smallest in training"


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
