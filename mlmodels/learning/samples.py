"""Sample tables from scikit-learn, which is imported when one is loaded."""

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial


@dataclass(frozen=True)
class Sample:
    """A table to try the product with. `target` is its last column."""

    name: str
    title: str
    description: str
    target: str
    rows: Callable[[], list[list]]  # the header first


def csv_bytes(name: str) -> bytes:
    """The sample of this name as a UTF-8 CSV file."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(
        [[plain_cell(cell) for cell in row] for row in SAMPLES[name].rows()]
    )
    return text.getvalue().encode()


def plain_cell(cell: object) -> object:
    """Whole numbers without their ".0", as people write them."""
    return int(cell) if isinstance(cell, float) and cell.is_integer() else cell


def linnerud() -> list[list]:
    """Two of its three targets become columns to predict from: the product predicts one column."""
    bunch = load("load_linnerud")
    header = [*bunch.feature_names, "Pulse", "Waist", "Weight"]
    weight, waist, pulse = bunch.target.T.tolist()
    return [header, *map(list, zip(*bunch.data.T.tolist(), pulse, waist, weight, strict=True))]


def labeled(loader: str, target: str) -> list[list]:
    """The target as text."""
    bunch = load(loader)
    return table(bunch, [str(bunch.target_names[number]) for number in bunch.target], target)


def numbered(loader: str, target: str, **options) -> list[list]:
    """The target as the number that scikit-learn has."""
    bunch = load(loader, **options)
    return table(bunch, bunch.target.tolist(), target)


def table(bunch, labels: list, target: str) -> list[list]:
    header = [*(str(name) for name in bunch.feature_names), target]
    return [header, *([*row, label] for row, label in zip(bunch.data.tolist(), labels, strict=True))]


def load(loader: str, **options):
    from sklearn import datasets

    return getattr(datasets, loader)(**options)


SAMPLES: dict[str, Sample] = {
    sample.name: sample
    for sample in (
        Sample(
            "iris",
            "Iris flowers",
            "Tell three species of iris apart by the size of their petals and sepals: 150 flowers.",
            "species",
            partial(labeled, "load_iris", "species"),
        ),
        Sample(
            "diabetes",
            "Diabetes",
            "How far diabetes has progressed after a year, from ten measurements: 442 patients.",
            "progression",
            partial(numbered, "load_diabetes", "progression", scaled=False),
        ),
        Sample(
            "wine",
            "Wine",
            "Tell three growers apart by thirteen chemical measurements of their wine: 178 wines.",
            "cultivar",
            partial(labeled, "load_wine", "cultivar"),
        ),
        Sample(
            "breast_cancer",
            "Breast cancer",
            "Tell malignant from benign by thirty measurements of cell nuclei: 569 samples.",
            "diagnosis",
            partial(labeled, "load_breast_cancer", "diagnosis"),
        ),
        Sample(
            "linnerud",
            "Fitness",
            "The weight of twenty men from their exercises, pulse and waist: a very small table.",
            "Weight",
            linnerud,
        ),
        # Clients of the service that this API replaces expect the numbers, in the same order of columns.
        Sample(
            "iris_numbered",
            "Iris flowers, numbered",
            "The iris table with species as numbers: 0 setosa, 1 versicolor, 2 virginica.",
            "species",
            partial(numbered, "load_iris", "species"),
        ),
    )
}
