"""One row for a model, and what its value turned out to be."""

import uuid

from django import forms
from django.utils.functional import cached_property

from mlmodels.learning.trainers import REGRESSION
from mlmodels.learning.trainers.out_of_range import out_of_range_values
from mlmodels.templatetags.columns import column_value
from mlplatform.core.formats import SECONDS_A_DAY, iso_date, percent
from mlplatform.core.forms import RefusableForm
from mlplatform.core.templatetags.ui import plural

CHOICES_IN_SELECT_MAX = 50
FIELDS_SHOWN_MAX = 12  # of more columns the most important ones are shown, as many as this
BLANK = "(blank)"


class PredictionForm(RefusableForm):
    """One row, filled in with a typical one or with `inputs`, the row of an earlier prediction.

    Values of an earlier row that are out of range have a warning at their field. Cleaned values are texts:
    the package `tables` decides how a column reads them.
    """

    def __init__(self, data=None, *, model, inputs: dict | None = None):
        super().__init__(data)
        self.model = model
        seen = {feature["name"]: feature for feature in model.report["features"]}
        for position, column in enumerate(model.features):
            of_column = seen[column["name"]]
            typical = of_column["typical"] if inputs is None else inputs.get(column["name"])
            self.fields[f"column-{position}"] = row_field(column, of_column, typical)
        for odd in out_of_range_values(model.report["features"], inputs or {}):
            self._mark(odd)
        self.fields["idempotency_key"] = forms.CharField(
            widget=forms.HiddenInput, max_length=255, initial=uuid.uuid4
        )

    def row(self) -> dict[str, str]:
        """Column names and texts; an empty text is a blank."""
        return {
            column["name"]: self.cleaned_data[f"column-{position}"]
            for position, column in enumerate(self.model.features)
        }

    def field_of(self, name: str) -> str:
        fields = {column["name"]: f"column-{i}" for i, column in enumerate(self.model.features)}
        return fields.get(name, "")

    @cached_property
    def shown_fields(self):
        """All of them, or the most important ones, in the order of the columns."""
        if len(self.model.features) <= FIELDS_SHOWN_MAX:
            return self.visible_fields()
        ranked = self.model.report["importance"]["columns"]
        shown = {column["name"] for column in ranked[:FIELDS_SHOWN_MAX]}
        return [field for field in self.visible_fields() if field.label in shown or self._is_odd(field)]

    @property
    def more_fields(self):
        return [field for field in self.visible_fields() if field not in self.shown_fields]

    def _is_odd(self, field) -> bool:
        return bool(field.errors) or "class" in field.field.widget.attrs

    def _mark(self, odd):
        column = next(column for column in self.model.features if column["name"] == odd.column)
        field = self.fields[self.field_of(odd.column)]
        field.widget.attrs["class"] = "odd"
        field.help_text = odd.message(column["format"]["type"], lambda value: end_of_range(value, column))


def row_field(column: dict, seen: dict, value) -> forms.Field:
    """An input that suits the kind of a column, holding `value`, with what training saw of the column."""
    kind = column["format"]["type"]
    common = {
        "label": column["name"],
        "required": not seen["missing"],  # what was never blank in training is probably forgotten
        "help_text": seen_in_words(column, seen),
        "initial": input_text(value, column),
        "error_messages": {"required": "Enter a value: this column was never blank in the training data."},
    }
    blank = [("", BLANK)] if seen["missing"] else []
    if kind == "boolean":
        words = [("true", column["format"]["true"]), ("false", column["format"]["false"])]
        return forms.ChoiceField(choices=words + blank, **common)
    if kind == "date" and holds_days(seen, value):
        return forms.CharField(widget=forms.DateInput(attrs={"type": "date"}), **common)
    if kind == "number":
        widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})
        return forms.CharField(widget=widget, **common)
    if seen["role"] == "text":
        return forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), **common)
    if kind == "text" and 0 < seen["distinct"] <= CHOICES_IN_SELECT_MAX:
        known = {category for category, _ in seen["categories"]} | ({value} if value else set())
        return forms.ChoiceField(choices=[*((word, word) for word in sorted(known)), *blank], **common)
    return forms.CharField(**common)


def holds_days(seen: dict, value) -> bool:
    """Whether all dates of a column are whole days, which the browser's own calendar can pick."""
    return all((seconds or 0) % SECONDS_A_DAY == 0 for seconds in (seen["minimum"], seen["maximum"], value))


def input_text(value, column: dict) -> str:
    """A typed value as this column writes it, so that it reads back as itself."""
    if value is None or isinstance(value, str):
        return value or ""
    match column["format"]["type"]:
        case "boolean":
            return "true" if value else "false"
        case "date":
            return iso_date(value)
        case _:
            text = str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)
            return text.replace(".", column["format"].get("decimal") or ".")


def seen_in_words(column: dict, seen: dict) -> str:
    """What training saw of a column: "21 to 460"."""
    blanks = f", blank in {plural(seen['missing'], 'row')}" if seen["missing"] else ""
    if "categories" in seen:
        return f"{plural(seen['distinct'], 'value')}{blanks}"
    if seen["role"] == "text":
        return f"Free text{blanks}"
    if seen["minimum"] is None:
        return "Always blank"
    if column["format"]["type"] == "boolean":
        return f"{column['format']['true']} in {percent(seen['mean'])} of the rows{blanks}"
    low, high = (end_of_range(seen[end], column) for end in ("minimum", "maximum"))
    return f"{low} to {high}{blanks}"


def end_of_range(value, column: dict) -> str:
    """A number as the field reads it: the comma that groups on a page may be the decimal mark of a column."""
    is_number = column["format"]["type"] == "number"
    return input_text(value, column) if is_number else column_value(value, column)


class ActualForm(RefusableForm):
    """An input that suits the target, filled in with the value that was recorded last."""

    def __init__(self, data=None, *, prediction):
        super().__init__(data)
        self.fields["value"] = actual_field(prediction.model, prediction.actual)


def actual_field(model, recorded) -> forms.Field:
    target = model.target
    common = {"label": f"Actual {target['name']}", "error_messages": {"required": "Enter the actual value."}}
    if model.task != REGRESSION:
        classes = {str(label): label for label in model.report["confusion_matrix"]["labels"]}
        common["error_messages"] |= {"required": "Choose the actual value."}
        return forms.TypedChoiceField(
            choices=[("", "Choose a value"), *((word, word) for word in classes)],
            coerce=classes.get,
            initial="" if recorded is None else str(recorded),
            **common,
        )
    widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})
    profile = target.get("profile") or {}
    if target["format"]["type"] == "date":
        is_day = "minimum" in profile and holds_days(profile, recorded)
        widget = forms.DateInput(attrs={"type": "date"}) if is_day else forms.TextInput()
    elif profile.get("typical") is not None:
        # The page may group by the mark that is the decimal one of this column
        common["help_text"] = f"Such as {input_text(profile['typical'], target)}"
    return forms.CharField(widget=widget, initial=input_text(recorded, target), **common)
