"""What the classic endpoints accept. Serializers parse; the operations decide."""

import json
from contextlib import contextmanager

from drf_spectacular.utils import OpenApiTypes, extend_schema_field
from rest_framework import serializers

from mlmodels.api.examples import HOUSES
from mlmodels.learning.tables import TableRefused
from mlmodels.learning.tables.limits import COLUMNS_MAX, HEADER_CHARACTERS_MAX
from mlmodels.learning.trainers import TRAINERS
from mlmodels.limits import DATASET_NAME_CHARACTERS_MAX, MODEL_NAME_CHARACTERS_MAX
from mlplatform.core.api_schema import with_examples
from mlplatform.core.text import is_storable

ALGORITHMS = [(trainer.name, trainer.label) for trainer in TRAINERS.values()]
PARAMETERS_CHARACTERS_MAX = 20_000
ROW = {"type": "object", "additionalProperties": {"type": ["number", "string", "boolean", "null"]}}
OPTIONAL = {"default": "", "allow_blank": True, "allow_null": True}  # existing clients send null for no value


class AlgorithmField(serializers.ChoiceField):
    default_error_messages = {
        "invalid_choice": f'"{{input}}" is not an algorithm. Choose one of: {", ".join(TRAINERS)}.'
    }

    def __init__(self, **kwargs):
        super().__init__(choices=ALGORITHMS, **kwargs)


class DatasetIdField(serializers.UUIDField):
    default_error_messages = {
        "invalid": "Send the id of one of your datasets. GET /api/v1/datasets lists them."
    }


class CsvField(serializers.FileField):
    default_error_messages = {
        "required": "Send a CSV file, in a body of the type multipart/form-data.",
        "invalid": "Send this as a file, in a body of the type multipart/form-data.",
        "empty": "The file is empty. Send a CSV file with a header line and data.",
    }

    def __init__(self, **options):
        super().__init__(max_length=DATASET_NAME_CHARACTERS_MAX, **options)


@contextmanager
def file_sent_as(field: str):
    """Names the field of the file where its contents are refused and no column of it is named."""
    try:
        yield
    except TableRefused as refusal:
        refusal.fields = refusal.fields or {field: refusal.message}
        raise


class FormJSONField(serializers.Field):
    """A JSON value, which a form sends as text."""

    default_error_messages = {"unstorable": "This holds characters that cannot be stored. Remove them."}

    def from_json(self, text):
        """Python also reads NaN and Infinity, which are no JSON."""
        try:
            return json.loads(text, parse_constant=lambda name: self.fail("syntax"))
        except (ValueError, RecursionError):
            self.fail("syntax")

    def to_representation(self, value):
        return value


@extend_schema_field(OpenApiTypes.STR)
class ColumnNamesField(FormJSONField):
    """Names of columns: a JSON array, or text with commas between the names."""

    default_error_messages = {
        "syntax": 'Send a JSON array such as ["size", "rooms"], or column names separated by commas.',
        "too_many": f"At most {COLUMNS_MAX} columns can be used.",
    }

    def get_value(self, dictionary):
        """A form may repeat the field instead of joining the names."""
        values = dictionary.getlist(self.field_name) if hasattr(dictionary, "getlist") else []
        return values if len(values) > 1 else super().get_value(dictionary)

    def to_internal_value(self, data):
        if isinstance(data, str):
            data = self.from_json(data) if data.lstrip().startswith("[") else data.split(",")
        if not isinstance(data, list) or not all(isinstance(name, str) for name in data):
            self.fail("syntax")
        if not is_storable(data):
            self.fail("unstorable")
        names = [name.strip() for name in data if name.strip()]
        if len(names) > COLUMNS_MAX:
            self.fail("too_many")
        return names


@extend_schema_field({"type": "array", "items": {"type": "string"}})
class ColumnListField(ColumnNamesField):
    """As it is documented for bodies in JSON."""


@extend_schema_field(OpenApiTypes.OBJECT)
class JSONObjectField(FormJSONField):
    """A JSON object; in a form, blank text and null mean {}."""

    default_error_messages = {
        "syntax": 'Send a JSON object such as {{"max_depth": 5}}.',
        "too_long": f"At most {PARAMETERS_CHARACTERS_MAX} characters.",
    }

    def to_internal_value(self, data):
        if isinstance(data, str):
            if len(data) > PARAMETERS_CHARACTERS_MAX:
                self.fail("too_long")
            data = self.from_json(data.strip() or "{}")
            data = {} if data is None else data
            if not is_storable(data):  # JSON bodies were checked by their parser
                self.fail("unstorable")
        if not isinstance(data, dict):
            self.fail("syntax")
        return data


@with_examples(
    sent={
        "A forest": {
            "model_type": "random_forest",
            "feature_cols": "area,district",
            "label_col": "price",
            "csv_file": HOUSES,
            "optional_params": {"n_estimators": 50},
            "model_filename": "houses",
        }
    }
)
class CreateSerializer(serializers.Serializer):
    """A CSV file and how to train on it."""

    model_type = AlgorithmField(help_text="one of the names that GET /api/models lists")
    feature_cols = ColumnNamesField(help_text='columns to learn from: ["size", "rooms"] or size,rooms')
    label_col = serializers.CharField(max_length=HEADER_CHARACTERS_MAX, help_text="column to predict")
    train_percentage = serializers.FloatField(
        default=0.8, help_text="share of rows to train on, between 0 and 1; metrics are measured on the rest"
    )
    csv_file = CsvField(help_text="CSV file with a header row")
    optional_params = JSONObjectField(
        default=dict, help_text='parameters of the algorithm as a JSON object, such as {"max_depth": 5}'
    )
    model_filename = serializers.CharField(
        default="",
        allow_blank=True,
        max_length=MODEL_NAME_CHARACTERS_MAX,
        help_text="name of the model; without it, one is made from algorithm, date and time",
    )


@with_examples(
    sent={
        "On the Iris sample": {"algorithm": "decision_tree", "params": {"max_depth": [2, 4, 8]}},
        "On a dataset of yours": {"algorithm": "random_forest", "dataset": "houses", "target": "price"},
    }
)
class SearchSerializer(serializers.Serializer):
    """An algorithm and the values to try for its parameters."""

    algorithm = AlgorithmField()
    params = JSONObjectField(
        required=False,
        allow_null=True,
        help_text='values to try, such as {"max_depth": [2, 4, 8]}; without it, a default grid',
    )
    param_grid = JSONObjectField(required=False, allow_null=True, help_text="another name for params")
    dataset = serializers.CharField(
        **OPTIONAL,
        max_length=DATASET_NAME_CHARACTERS_MAX,
        help_text="name or id of one of your datasets; without it, the Iris sample",
    )
    target = serializers.CharField(
        **OPTIONAL,
        max_length=HEADER_CHARACTERS_MAX,
        help_text="column to predict; without it, the one that was detected",
    )

    def validate(self, attributes):
        if attributes.get("params") is not None and attributes.get("param_grid") is not None:
            raise serializers.ValidationError({"param_grid": "Send params or param_grid, not both."})
        return attributes


@extend_schema_field(ROW, "Row")
class RowField(JSONObjectField):
    """A value for each column. The columns of the model decide which values are valid."""

    default_error_messages = {
        "syntax": 'Send an object with a value per column, such as {{"size": 70, "city": "Bonn"}}.'
    }


@with_examples(sent={"One row": {"features": {"area": 95, "district": "Hill"}}})
class FeaturesSerializer(serializers.Serializer):
    """One row: a value for each column that the model was trained on."""

    features = RowField()


@with_examples(
    sent={
        "Values in the order of the columns": {"input": [5.1, 3.5, 1.4, 0.2]},
        "Values by column": {
            "features": {
                "sepal length (cm)": 5.1,
                "sepal width (cm)": 3.5,
                "petal length (cm)": 1.4,
                "petal width (cm)": 0.2,
            }
        },
    }
)
class InputSerializer(serializers.Serializer):
    """One row: a list of values in the order of the model's columns, or an object of values by column."""

    input = serializers.ListField(
        child=serializers.JSONField(allow_null=True), required=False, max_length=COLUMNS_MAX
    )
    features = RowField(required=False)

    def validate(self, attributes):
        if len(attributes) != 1:
            raise serializers.ValidationError(
                {"input": "Send either input, a list of values, or features, an object of values."}
            )
        return attributes
