"""What the classic endpoints read. They parse; the operations decide."""

import json

from drf_spectacular.utils import OpenApiTypes, extend_schema_field
from rest_framework import serializers

from mlmodels.learning.tables.limits import COLUMNS_MAX, HEADER_CHARACTERS_MAX
from mlmodels.learning.trainers import TRAINERS
from mlmodels.limits import DATASET_NAME_CHARACTERS_MAX, MODEL_NAME_CHARACTERS_MAX
from mlplatform.core.storable import is_storable

ALGORITHMS = [(trainer.name, trainer.label) for trainer in TRAINERS.values()]
PARAMETERS_CHARACTERS_MAX = 20_000
UNSTORABLE = "This holds characters that cannot be stored. Remove them."


class AlgorithmField(serializers.ChoiceField):
    default_error_messages = {"invalid_choice": '"{input}" is not an algorithm here. Choose one of: {names}.'}

    def __init__(self, **kwargs):
        super().__init__(choices=ALGORITHMS, **kwargs)

    def fail(self, key, **kwargs):
        super().fail(key, names=", ".join(TRAINERS), **kwargs)


@extend_schema_field(OpenApiTypes.STR)
class ColumnNamesField(serializers.Field):
    """Names of columns: a JSON array, or text with commas between the names."""

    default_error_messages = {
        "syntax": 'Give a JSON array of column names such as ["size", "rooms"], or names between commas.',
        "empty": "Name at least one column.",
        "too_many": f"At most {COLUMNS_MAX} columns can be used.",
        "twice": 'The column "{name}" is named twice.',
        "unstorable": UNSTORABLE,
    }

    def get_value(self, dictionary):
        """A form may repeat the field instead of joining the names."""
        values = dictionary.getlist(self.field_name) if hasattr(dictionary, "getlist") else []
        return values if len(values) > 1 else super().get_value(dictionary)

    def to_internal_value(self, data):
        names = self._names(data)
        if not names:
            self.fail("empty")
        if len(names) > COLUMNS_MAX:
            self.fail("too_many")
        seen = set()
        for name in names:
            if name in seen:
                self.fail("twice", name=name)
            seen.add(name)
        return names

    def to_representation(self, value):
        return value

    def _names(self, data):
        if isinstance(data, str):
            data = self._from_json(data) if data.lstrip().startswith("[") else data.split(",")
        if not isinstance(data, list) or not all(isinstance(name, str) for name in data):
            self.fail("syntax")
        if not is_storable(data):
            self.fail("unstorable")
        return [name.strip() for name in data if name.strip()]

    def _from_json(self, text):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            self.fail("syntax")


@extend_schema_field(OpenApiTypes.OBJECT)
class JSONObjectField(serializers.Field):
    """A JSON object; in a form it is written as text, where blank and null mean no entries."""

    default_error_messages = {
        "syntax": 'This is not a JSON object. Write it like {{"max_depth": 5}}.',
        "too_long": f"At most {PARAMETERS_CHARACTERS_MAX} characters.",
        "unstorable": UNSTORABLE,
    }

    def to_internal_value(self, data):
        if isinstance(data, str):
            data = self._from_json(data.strip() or "{}")
            if not is_storable(data):  # the parser of JSON bodies has refused it already
                self.fail("unstorable")
        if not isinstance(data, dict):
            self.fail("syntax")
        return data

    def to_representation(self, value):
        return value

    def _from_json(self, text):
        if len(text) > PARAMETERS_CHARACTERS_MAX:
            self.fail("too_long")
        try:
            value = json.loads(text, parse_constant=self._refuse_constant)
        except (ValueError, RecursionError):
            self.fail("syntax")
        return {} if value is None else value

    def _refuse_constant(self, name):
        """Python reads NaN and Infinity; JSON has neither."""
        self.fail("syntax")


class CreateSerializer(serializers.Serializer):
    """A CSV file and how to train on it."""

    model_type = AlgorithmField(help_text="one of the names that GET /api/models lists")
    feature_cols = ColumnNamesField(help_text='columns to learn from: ["size", "rooms"] or size,rooms')
    label_col = serializers.CharField(max_length=HEADER_CHARACTERS_MAX, help_text="the column to predict")
    train_percentage = serializers.FloatField(
        default=0.8, help_text="share of the rows to train on, above 0 and below 1; the rest measures"
    )
    csv_file = serializers.FileField(
        max_length=DATASET_NAME_CHARACTERS_MAX,
        help_text="the table, with a header line",
        error_messages={"empty": "The file is empty. Upload a CSV with a header line and at least two rows."},
    )
    optional_params = JSONObjectField(
        default=dict, help_text='parameters of the algorithm as a JSON object, such as {"max_depth": 5}'
    )
    model_filename = serializers.CharField(
        default="",
        allow_blank=True,
        max_length=MODEL_NAME_CHARACTERS_MAX,
        help_text="a name of your own for the model",
    )

    def validate_train_percentage(self, value):
        if not 0 < value < 1:
            raise serializers.ValidationError("This must be above 0 and below 1, such as 0.8.")
        return value


class SearchSerializer(serializers.Serializer):
    """An algorithm and the values to try for its parameters. What is null is left out: clients send it so."""

    algorithm = AlgorithmField()
    params = JSONObjectField(
        required=False,
        allow_null=True,
        help_text='values to try, such as {"max_depth": [2, 4, 8]}; without it a default grid',
    )
    param_grid = JSONObjectField(required=False, allow_null=True, help_text="another name for params")
    dataset = serializers.CharField(
        default="",
        allow_blank=True,
        allow_null=True,
        max_length=DATASET_NAME_CHARACTERS_MAX,
        help_text="name or id of one of your datasets; the Iris sample without it",
    )
    target = serializers.CharField(
        default="",
        allow_blank=True,
        allow_null=True,
        max_length=HEADER_CHARACTERS_MAX,
        help_text="the column to predict; a guess is made without it",
    )

    def validate(self, attributes):
        if attributes.get("params") is not None and attributes.get("param_grid") is not None:
            raise serializers.ValidationError({"param_grid": "Give params or param_grid, not both."})
        return attributes


class RowField(JSONObjectField):
    """A value for each column. The values are judged by the columns of the model."""

    default_error_messages = {
        "syntax": 'Give an object with a value per column, such as {{"size": 70, "city": "Bonn"}}.',
    }


class FeaturesSerializer(serializers.Serializer):
    """One row: a value for each column that the model was trained on."""

    features = RowField()


class InputSerializer(serializers.Serializer):
    """One row, as numbers in the order of the model's columns or by name."""

    input = serializers.ListField(
        child=serializers.JSONField(allow_null=True), required=False, max_length=COLUMNS_MAX
    )
    features = RowField(required=False)

    def validate(self, attributes):
        if len(attributes) != 1:
            raise serializers.ValidationError(
                {"input": "Give either input, a list of values, or features, an object of values."}
            )
        return attributes
