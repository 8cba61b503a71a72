"""The page of a dataset: its findings, the choices beside them, and what was just changed."""

from django import template

from mlmodels.forms.datasets import evaluation_choices
from mlmodels.learning.tables.versions import OBSERVED_KINDS
from mlmodels.templatetags.columns import KINDS_IN_WORDS, kind_in_words
from mlplatform.core.formats import figure
from mlplatform.core.templatetags.ui import plural

ICONS = {
    "identifier": "hash",
    "date": "calendar",
    "duplicates": "copy",
    "spellings": "letter-case",
    "blanks": "eye",
}

register = template.Library()


@register.filter
def finding_icon(finding):
    if finding["severity"] == "warning":
        return "alert-triangle"
    return next((icon for word, icon in ICONS.items() if word in finding["code"]), "info-circle")


@register.simple_tag
def target_column(dataset):
    return next((column for column in dataset.columns if column["name"] == dataset.target_name), None)


@register.filter
def is_target(column, dataset):
    return column["name"] == dataset.target_name


@register.simple_tag
def kind_choices(column):
    """Whether all cells are the same, or blank, is for the file to say."""
    offered = KINDS_IN_WORDS.keys() - (OBSERVED_KINDS - {column["kind"]})
    return [(kind, words) for kind, words in KINDS_IN_WORDS.items() if kind in offered]


@register.simple_tag
def refusal_of(refused, column):
    """The sentence of a refusal that is about the kind of this column."""
    if refused is None or getattr(refused, "column", None) != column["name"]:
        return ""
    return refused.message


@register.filter
def plan_in_words(checked, target):
    """What would be predicted, and how many rows say it: "A number. 4182 rows have one, 18 are skipped."."""
    profile = target["profile"]
    known, skipped = profile["rows"] - profile["missing"], profile["missing"]
    if checked == "":
        return ""
    what = (
        "A number."
        if checked.plan.task == "regression"
        else f"One of {checked.target.profile['distinct']} classes."
    )
    if not skipped:
        return what
    have, are = "has" if known == 1 else "have", "is" if skipped == 1 else "are"
    return f"{what} {plural(known, 'row')} {have} one, {figure(skipped)} {are} skipped."


@register.simple_tag
def evaluations(dataset, checked):
    """Which rows to test on, as radios; the one in use is current."""
    used = checked.plan.evaluation
    choices = evaluation_choices(dataset)
    current = next(
        (value for value, chosen in choices if (chosen["kind"], chosen.get("by")) == (used.kind, used.by)), ""
    )
    return {
        "current": current,
        "choices": [
            {"value": value, **EVALUATIONS_IN_WORDS[chosen["kind"]], **chosen} for value, chosen in choices
        ],
    }


EVALUATIONS_IN_WORDS = {
    "time": {
        "label": "the latest rows by",
        "help": "As in real use: learn from the past, predict what follows.",
    },
    "group": {"label": "other values of", "help": "No group is on both sides."},
    "hold_out": {"label": "random rows", "help": "Fine if the order of the rows does not matter."},
    "k_fold": {
        "label": "every row, in 5 folds",
        "help": "For small tables. Needs one algorithm, not Automatic.",
    },
}


@register.simple_tag
def changes_in_words(changes):
    """ "rooms is now read as category."."""
    said = []
    for name, change in ((changes or {}).get("columns") or {}).items():
        if "kind" in change:
            said.append(f"{name} is now read as {kind_in_words(change['kind'])}.")
        elif "use" in change:
            said.append(f"{name} is {'used' if change['use'] else 'left out'}.")
        else:
            said.append(f"{name} was changed.")
    if changes and changes.get("target"):
        said.append(f"{changes['target']} is now the target.")
    return " ".join(said)
