import dataclasses
import json

import pytest

from mlmodels.learning.trainers import (
    CLASSIFICATION,
    REGRESSION,
    TRAINERS,
    ParametersRefused,
    get,
    parameter_types,
)
from mlmodels.learning.trainers.limits import ESTIMATORS_MAX
from mlmodels.learning.trainers.parameters import Parameter
from mlplatform.tests.fresh_process import LEARNING_LIBRARIES, imported_by

DEPTH = Parameter("depth", "int", None, minimum=1, maximum=64, nullable=True, help="")
RATE = Parameter("rate", "float", 0.1, minimum=0.001, maximum=1.0, help="")
KIND = Parameter("kind", "str", "a", choices=("a", "b"), help="")
FLAG = Parameter("flag", "bool", True, help="")

ACCEPTED = [
    (DEPTH, 5, 5),
    (DEPTH, 5.0, 5),
    (DEPTH, None, None),
    (DEPTH, 64, 64),
    (RATE, 1, 1.0),
    (RATE, 0.25, 0.25),
    (KIND, "b", "b"),
    (FLAG, False, False),
]
REFUSED = [
    (DEPTH, 0),
    (DEPTH, 65),
    (DEPTH, 5.5),
    (DEPTH, "5"),
    (DEPTH, True),
    (DEPTH, [5]),
    (DEPTH, {}),
    (DEPTH, float("nan")),
    (DEPTH, 10**400),
    (RATE, 0),
    (RATE, 1.5),
    (RATE, float("inf")),
    (RATE, None),
    (RATE, False),
    (RATE, "0.1"),
    (KIND, "c"),
    (KIND, 1),
    (KIND, None),
    (FLAG, 1),
    (FLAG, "true"),
    (FLAG, None),
]
PARSED = [
    (DEPTH, "5", 5),
    (DEPTH, " 5.0 ", 5),
    (DEPTH, "", None),
    (DEPTH, "None", None),
    (DEPTH, "null", None),
    (RATE, "", 0.1),
    (RATE, "1e-2", 0.01),
    (KIND, "b", "b"),
    (FLAG, "no", False),
    (FLAG, "ON", True),
    (FLAG, "1", True),
]
UNPARSABLE = [(DEPTH, "five"), (DEPTH, "5.5"), (RATE, "nan"), (RATE, "null"), (KIND, "c"), (FLAG, "perhaps")]


@pytest.mark.parametrize(("parameter", "value", "expected"), ACCEPTED)
def test_a_value_within_the_rules_comes_back_in_the_type_of_the_parameter(parameter, value, expected):
    checked = parameter.check(value)

    assert checked == expected
    assert type(checked) is type(expected)


@pytest.mark.parametrize(("parameter", "value"), REFUSED)
def test_a_value_outside_the_rules_is_refused_with_what_is_allowed(parameter, value):
    with pytest.raises(ParametersRefused) as refused:
        parameter.check(value)

    assert list(refused.value.fields) == [parameter.name]
    assert parameter.expectation in refused.value.message
    assert len(refused.value.message) < 300


@pytest.mark.parametrize(("parameter", "text", "expected"), PARSED)
def test_a_text_from_a_form_is_read_as_the_type_of_the_parameter(parameter, text, expected):
    parsed = parameter.parse(text)

    assert parsed == expected
    assert type(parsed) is type(expected)


@pytest.mark.parametrize(("parameter", "text"), UNPARSABLE)
def test_a_text_that_means_nothing_is_refused_by_name(parameter, text):
    with pytest.raises(ParametersRefused, match=f"^{parameter.name} must be"):
        parameter.parse(text)


@pytest.mark.parametrize(
    ("parameter", "words"),
    [
        (DEPTH, "a whole number from 1 to 64 or null"),
        (RATE, "a number from 0.001 to 1"),
        (KIND, "one of a, b"),
        (FLAG, "true or false"),
    ],
)
def test_the_rule_is_said_in_words(parameter, words):
    assert parameter.expectation == words


@pytest.mark.parametrize(
    "broken",
    [
        {"type": "date"},
        {"type": "float", "maximum": None},
        {"type": "str", "choices": ()},
        {"default": 0},
        {"default": "5"},
    ],
)
def test_a_parameter_that_contradicts_itself_cannot_be_declared(broken):
    with pytest.raises((AssertionError, ParametersRefused)):
        dataclasses.replace(DEPTH, **broken)


def test_all_wrong_values_are_named_at_once():
    with pytest.raises(ParametersRefused) as refused:
        get("random_forest").check_parameters(
            {"n_estimators": 9, "max_depth": 65, "n_jobs": 2, "criterion": "gini"}
        )

    assert set(refused.value.fields) == {"n_estimators", "max_depth", "n_jobs"}
    assert "from 10 to 500" in refused.value.message
    assert "Its parameters are: n_estimators, max_depth" in refused.value.fields["n_jobs"]


def test_a_flood_of_wrong_names_is_answered_in_a_few_sentences():
    flood = {f"{'x' * 1000}{number}": number for number in range(5000)}

    with pytest.raises(ParametersRefused) as refused:
        get("knn").check_parameters(flood | {"y" * 10_000: 1})

    assert len(refused.value.message) < 2000
    assert all(len(name) <= 60 for name in refused.value.fields)


def test_a_parameter_without_a_name_is_refused_like_any_other():
    with pytest.raises(ParametersRefused, match="knn has no parameter ''"):
        get("knn").check_parameters({"": 1})


def test_defaults_fill_in_what_is_not_given():
    checked = get("knn").check_parameters({"weights": "distance"})

    assert checked == {"n_neighbors": 5, "weights": "distance"}


def test_a_parameter_of_the_other_task_is_refused_and_not_filled_in():
    forest = get("random_forest")

    with pytest.raises(ParametersRefused, match="has no parameter 'criterion' for regression"):
        forest.check_parameters({"criterion": "gini"}, REGRESSION)

    assert "criterion" not in forest.check_parameters({}, REGRESSION)
    assert forest.check_parameters({}, CLASSIFICATION)["criterion"] == "gini"


@pytest.mark.parametrize("values", [[], "max_depth=3", None, 5])
def test_parameters_that_are_no_object_are_refused(values):
    with pytest.raises(ParametersRefused, match="must be an object"):
        get("decision_tree").check_parameters(values)


@pytest.mark.parametrize("trainer", TRAINERS.values(), ids=TRAINERS)
def test_declarations_are_complete_and_fit_into_json(trainer):
    described = trainer.to_dict()

    assert json.loads(json.dumps(described)) == described
    assert described["summary"].endswith(".")
    assert all(parameter.help.endswith(".") for parameter in trainer.parameters)
    assert TRAINERS[trainer.name] is trainer
    assert "n_jobs" not in trainer.defaults()


@pytest.mark.parametrize("name", [name for name in TRAINERS if TRAINERS[name].is_searchable])
def test_the_default_grid_passes_its_own_check(name):
    trainer = TRAINERS[name]

    for task in trainer.tasks:
        assert trainer.check_grid({}, task).keys() == trainer.default_grid.keys()


def test_the_public_list_names_parameters_and_types():
    types = parameter_types()

    assert types["linear"] == {"fit_intercept": "bool"}
    assert types["knn"] == {"n_neighbors": "int", "weights": "str"}
    assert types["auto"] == {}
    assert list(types) == [
        "linear", "ridge", "lasso", "elastic_net", "logistic", "naive_bayes", "knn", "decision_tree",
        "random_forest", "extra_trees", "gradient_boosting", "auto",
    ]  # fmt: skip


def test_every_declared_limit_is_one_that_scikit_learn_takes():
    for trainer in TRAINERS.values():
        for parameter in trainer.parameters:
            for task in parameter.tasks or trainer.tasks:
                for value in (parameter.minimum, parameter.maximum, *parameter.choices):
                    if value is not None:
                        found = {trainer.penalty: 1.0} if trainer.penalty else {}
                        parameters = trainer.check_parameters({**found, parameter.name: value}, task)
                        trainer.estimator(task, parameters)._validate_params()


def test_estimators_stay_within_the_published_limit():
    assert ESTIMATORS_MAX == 500

    with pytest.raises(ParametersRefused, match="from 10 to 500"):
        get("random_forest").check_parameters({"n_estimators": 501})


def test_importing_the_declarations_loads_no_learning_library():
    code = "import mlmodels.learning.trainers, mlmodels.learning.samples"

    assert imported_by(code, {*LEARNING_LIBRARIES, "django"}) == set()
