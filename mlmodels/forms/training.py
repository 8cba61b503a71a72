"""What to train, and how."""

import re
import unicodedata
import uuid
from itertools import count
from pathlib import PurePath

from django import forms
from django.conf import settings

from mlmodels.learning import trainers
from mlmodels.learning.trainers.parameters import Parameter
from mlmodels.models import add_owner
from mlmodels.operations import plans
from mlplatform.core.errors import DomainError
from mlplatform.core.forms import RefusableForm

SUGGESTED_CHARACTERS_MAX = 60
BUDGETS_SECONDS = (20, 60, 300, 900)


class TrainingForm(RefusableForm):
    """How to train on a dataset: algorithm, time limit and the algorithm's parameters.

    What to predict, from which columns and on which rows to test is the dataset's own (forms/datasets.py).
    """

    algorithm = forms.ChoiceField(label="Algorithm")
    budget_seconds = forms.TypedChoiceField(
        label="Time limit",
        coerce=int,
        help_text="When time is up, the best one so far is used.",
    )
    train_percentage = forms.FloatField(
        label="Share of rows for training",
        initial=0.8,
        help_text="The remaining rows test the model.",
        widget=forms.NumberInput(attrs={"min": "0.05", "max": "0.95", "step": "0.05"}),
    )
    learning_curve = forms.BooleanField(
        label="Measure how more rows help",
        required=False,
        help_text="Takes longer. The curve is on the Quality page.",
    )
    model_name = forms.CharField(
        label="Model name",
        required=False,
        max_length=100,
        help_text="If left blank, the name is the date and time.",
    )
    idempotency_key = forms.CharField(widget=forms.HiddenInput, max_length=255, initial=uuid.uuid4)

    def __init__(self, data=None, *, dataset, initial=None):
        super().__init__(data, initial={"algorithm": "auto", **(initial or {})})
        self.dataset = dataset
        self.suggested_name = suggested_name(dataset)
        self.initial.setdefault("model_name", self.suggested_name)
        self.fields["algorithm"].choices = [(t.name, t.label) for t in trainers.TRAINERS.values()]
        if self._algorithm() == "auto":
            self.fields["budget_seconds"].choices = budget_choices()
            self.initial.setdefault("budget_seconds", settings.AUTO_BUDGET_SECONDS)
        else:
            del self.fields["budget_seconds"]
        self.parameters = self._parameters()
        for parameter in self.parameters:
            self.fields[field_name(parameter.name)] = parameter_field(parameter)

    @classmethod
    def changed(cls, data, *, dataset):
        """A fresh form that keeps what was chosen so far: nothing is checked yet, so nothing is wrong yet."""
        chosen = {name: data[name] for name in data}
        if chosen.get("model_name") == chosen.get("suggested_name"):
            chosen.pop("model_name", None)  # nobody chose it: another target suggests another one
        return cls(dataset=dataset, initial=chosen)

    def parameter_fields(self):
        return [self[field_name(parameter.name)] for parameter in self.parameters]

    def draft(self) -> dict:
        """What the choices so far would train, to show the plan before the run is started."""
        return {"algorithm": self._algorithm(), "target": self.dataset.target_name}

    def options(self) -> dict:
        """Arguments of `operations.training.start_training`, from the cleaned form."""
        cleaned = self.cleaned_data
        return {
            **self.draft(),
            "parameters": {p.name: cleaned[field_name(p.name)] for p in self.parameters},
            "budget_seconds": cleaned.get("budget_seconds"),
            "train_percentage": cleaned["train_percentage"],
            "learning_curve": cleaned["learning_curve"],
            "model_name": cleaned["model_name"],
        }

    def field_of(self, name: str) -> str:
        return field_name(name) if any(parameter.name == name for parameter in self.parameters) else name

    @property
    def has_wrong_settings(self):
        return any(
            field.errors for field in [*self.parameter_fields(), self["train_percentage"], self["model_name"]]
        )

    @property
    def summary(self):
        trainer = trainers.TRAINERS.get(self._algorithm())
        return trainer.summary if trainer else ""

    def _algorithm(self) -> str:
        return self["algorithm"].value()

    def _parameters(self) -> list[Parameter]:
        trainer = trainers.TRAINERS.get(self._algorithm())
        if trainer is None or self.dataset.target_name is None:
            return []
        task = plans.task_for(trainer, self.dataset.column(self.dataset.target_name))
        return [p for p in trainer.parameters if not p.tasks or task in p.tasks]


def suggested_name(dataset) -> str:
    """A name for a model that says what it is of, such as houses_price; the next free one of its kind."""
    stem = f"{PurePath(dataset.name).stem}_{dataset.target_name}"[:SUGGESTED_CHARACTERS_MAX]
    plain = unicodedata.normalize("NFKD", stem).encode("ascii", "ignore").decode()  # ü becomes u
    clean = re.sub(r"[^A-Za-z0-9_-]+", "_", plain).strip("_") or "model"
    taken = set(
        dataset.owner.training_runs.filter(model_name__contains=clean).values_list("model_name", flat=True)
    )
    numbered = (clean if number == 1 else f"{clean}_{number}" for number in count(1))
    return next(name for name in numbered if add_owner(name, dataset.owner_id) not in taken)


def budget_choices() -> list[tuple[int, str]]:
    offered = {*BUDGETS_SECONDS, settings.AUTO_BUDGET_SECONDS}
    return [
        (seconds, f"{seconds} seconds" if seconds < 120 else f"{seconds // 60} minutes")
        for seconds in sorted(offered)
        if seconds <= settings.TRAINING_TIME_LIMIT_SECONDS
    ]


def field_name(parameter_name: str) -> str:
    return f"parameter-{parameter_name}"


class ParameterField(forms.CharField):
    """A text that a Parameter reads: type, range and refusal are all the parameter's own."""

    def __init__(self, parameter: Parameter, **kwargs):
        super().__init__(required=False, **kwargs)
        self.parameter = parameter

    def clean(self, value):
        try:
            return self.parameter.parse(super().clean(value))
        except DomainError as refused:
            raise forms.ValidationError(refused.message) from refused


def parameter_field(parameter: Parameter) -> ParameterField:
    default = "" if parameter.default is None else parameter.default
    common = {
        "label": parameter.name,
        "help_text": parameter.help,
        "initial": str(default).lower() if parameter.type == "bool" else default,
    }
    if parameter.type == "bool":
        words = [("true", "yes"), ("false", "no")]
        return ParameterField(parameter, widget=forms.Select(choices=words), **common)
    if parameter.choices:
        words = [("", "none")] if parameter.nullable else []
        words += [(choice, choice) for choice in parameter.choices]
        return ParameterField(parameter, widget=forms.Select(choices=words), **common)
    mode = "numeric" if parameter.type == "int" else "decimal"
    placeholder = "no limit" if parameter.nullable else ""
    widget = forms.TextInput(attrs={"inputmode": mode, "placeholder": placeholder})
    return ParameterField(parameter, widget=widget, **common)
