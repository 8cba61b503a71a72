import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from mlmodels.learning import trainers
from mlmodels.learning.trainers import CLASSIFICATION, REGRESSION, TRAINERS, DataRefused, ParametersRefused
from mlmodels.learning.trainers.budget import OutOfTime
from mlmodels.learning.trainers.preparation import build_pipeline
from mlmodels.learning.trainers.splits import make_folds, split_rows
from mlmodels.tests.learning.trainers.examples import TABLES, Table, numbers, plan_for, train

GRIDS = [
    ("linear", REGRESSION, {"fit_intercept": [True, False]}),
    ("ridge", REGRESSION, {"alpha": [0.1, 10, 1000]}),
    ("logistic", CLASSIFICATION, {"C": [0.001, 1.0]}),
    ("knn", REGRESSION, {"n_neighbors": [3, 9], "weights": ["uniform", "distance"]}),
    ("knn", CLASSIFICATION, {"n_neighbors": [3, 9]}),
    ("decision_tree", REGRESSION, {"max_depth": [2, None], "min_samples_leaf": [1, 8]}),
    ("decision_tree", CLASSIFICATION, {"max_depth": [2, 4], "criterion": ["gini", "entropy"]}),
    ("random_forest", CLASSIFICATION, {"max_depth": [1, 4], "n_estimators": [10]}),
    ("gradient_boosting", REGRESSION, {"learning_rate": [0.05, 0.3], "max_iter": [10]}),
]


@pytest.mark.parametrize(
    ("algorithm", "task", "grid", "table"),
    [
        *((*grid, "mixed") for grid in GRIDS),
        *((*grid, "many_categories") for grid in GRIDS if grid[0] in ("ridge", "decision_tree")),
    ],
)
def test_a_search_finds_what_scikit_learns_own_search_finds(algorithm, task, grid, table):
    table = TABLES[table]()

    result = train(table, algorithm, task, parameters={}, grid=grid, is_classic=True)

    labels = table.labels(task)
    rows = split_rows(labels, task, 0.8).training
    plan = plan_for(table, algorithm, task, parameters={}, grid=grid).checked()
    pipeline = build_pipeline(plan, table.frame.iloc[rows], labels[rows])
    by_hand = GridSearchCV(clone(pipeline), {f"model__{name}": values for name, values in grid.items()}, cv=5)
    by_hand.fit(table.frame.iloc[rows], labels[rows])
    assert {f"model__{name}": value for name, value in result.best_params.items()} == by_hand.best_params_
    assert result.best_score == by_hand.best_score_
    assert [row["score"] for row in result.candidates] == list(by_hand.cv_results_["mean_test_score"])
    assert [row["std"] for row in result.candidates] == list(by_hand.cv_results_["std_test_score"])
    assert result.training_score == by_hand.score(table.frame.iloc[rows], labels[rows])
    np.testing.assert_array_equal(result.pipeline.predict(table.frame), by_hand.predict(table.frame))


def test_fixed_parameters_hold_while_others_are_searched():
    result = train(
        numbers(), "knn", REGRESSION, parameters={"weights": "distance"}, grid={"n_neighbors": [2, 4]}
    )

    assert set(result.best_params) == {"n_neighbors"}
    assert result.parameters == {"weights": "distance", **result.best_params}
    assert result.pipeline["model"].weights == "distance"


def test_an_empty_grid_searches_the_default_one():
    result = train(numbers(), "decision_tree", REGRESSION, grid={})

    assert len(result.candidates) == 4 * 3
    assert result.report["evaluation"]["refitted_rows"] == 120
    assert set(result.best_params) == set(TRAINERS["decision_tree"].default_grid)


def test_a_lone_value_is_a_list_of_one():
    assert TRAINERS["knn"].check_grid({"n_neighbors": 3.0, "weights": ["uniform"]}) == {
        "n_neighbors": [3],
        "weights": ["uniform"],
    }


def test_what_is_not_open_to_search_may_still_be_given_one_value():
    assert TRAINERS["logistic"].check_grid({"max_iter": [500]}) == {"max_iter": [500]}


def test_a_grid_of_exactly_the_limit_is_allowed():
    tree = TRAINERS["decision_tree"]

    assert len(tree.check_grid({"max_depth": list(range(1, 41))})["max_depth"]) == 40
    with pytest.raises(ParametersRefused, match="205 fits, and 200 are allowed"):
        tree.check_grid({"max_depth": list(range(1, 42))})


def test_every_candidate_is_reported_and_can_be_the_last():
    seen = []

    def stop_at_third(progress):
        seen.append([row["status"] for row in progress.candidates])
        if len(seen) == 2:
            raise TimeoutError

    table = numbers()
    plan = plan_for(table, "decision_tree", REGRESSION, grid={"max_depth": [1, 2]})

    with pytest.raises(TimeoutError):
        trainers.train(table.frame, table.truth, plan, stop_at_third)

    assert seen[0] == ["running", "waiting"]
    assert len(seen) == 2


@pytest.mark.parametrize("algorithm", [name for name in TRAINERS if TRAINERS[name].is_searchable])
@pytest.mark.parametrize("search", ["random", "halving"])
def test_every_algorithm_can_be_searched_over_its_ranges(algorithm, search, monkeypatch):
    monkeypatch.setattr("mlmodels.learning.trainers.search.DRAWS", 3)
    monkeypatch.setattr("mlmodels.learning.trainers.search.HALVED_DRAWS", 3)
    task = TRAINERS[algorithm].tasks[0]

    result = train(numbers(), algorithm, task, search=search)

    assert result.best_params
    assert TRAINERS[algorithm].check_parameters(result.best_params, task)
    assert len(result.candidates) == 3


def test_halving_goes_on_with_the_best_third_on_more_rows():
    result = train(numbers(rows=4000), "decision_tree", REGRESSION, search="halving")

    tried = [row["rows"] for row in result.candidates]
    assert [tried.count(rows) for rows in (355, 1066, 3200)] == [27, 9, 3]


def test_values_are_drawn_from_the_lists_that_are_given():
    result = train(numbers(), "knn", REGRESSION, search="random", grid={"n_neighbors": [3, 4]})

    assert {row["parameters"]["n_neighbors"] for row in result.candidates} == {3, 4}
    assert set(result.best_params) == {"n_neighbors"}


def test_a_fold_that_leaves_one_class_to_learn_is_left_out():
    """One row of the second class among the training rows."""
    labels = np.array(["a"] * 38 + ["b"] * 2, dtype=object)
    table = Table(numbers(rows=40).frame, labels)
    plan = plan_for(table, "logistic", CLASSIFICATION, train_percentage=0.5, grid={"C": [1.0, 10.0]})

    result = trainers.train(table.frame, labels, plan)

    assert {row["status"] for row in result.candidates} == {"done"}


def test_a_search_that_finishes_nothing_in_time_asks_for_more_of_it(monkeypatch):
    def fit_slowly(*arguments):
        raise OutOfTime

    monkeypatch.setattr("mlmodels.learning.trainers.bench.fit_fold", fit_slowly)

    with pytest.raises(DataRefused, match="in time. Allow more time, or"):
        train(numbers(), "decision_tree", REGRESSION, grid={"max_depth": [1, 2]}, budget_seconds=5)


def test_a_search_in_which_nothing_can_be_fitted_is_refused(monkeypatch):
    class Broken:
        def fit(self, rows, labels):
            raise ValueError

    monkeypatch.setattr(trainers.get("knn"), "estimator", lambda task, parameters: Broken())

    with pytest.raises(DataRefused, match="No combination can be fitted"):
        train(numbers(), "knn", REGRESSION, grid={"n_neighbors": [3]})


@pytest.mark.filterwarnings("ignore:The least populated class")
@pytest.mark.parametrize(
    ("labels", "task", "folds"),
    [
        (np.arange(50.0), REGRESSION, 5),
        (np.arange(7.0), REGRESSION, 3),
        (np.array(["a"] * 20 + ["b"]), CLASSIFICATION, 5),
        (np.array(["a", "b", "a", "b", "c", "c", "b"]), CLASSIFICATION, 3),
    ],
)
def test_small_tables_are_divided_into_fewer_folds(labels, task, folds):
    divided = make_folds(labels, task, 5)

    assert len(divided) == folds
    assert sorted(np.concatenate([validation for _, validation in divided])) == list(range(len(labels)))


def test_a_table_that_cannot_be_divided_is_refused():
    with pytest.raises(DataRefused, match="too few rows to compare"):
        make_folds(np.arange(3.0), REGRESSION, 5)
