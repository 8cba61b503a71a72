"""How columns are prepared for a family of algorithms: one ColumnTransformer of scikit-learn parts alone.

Blocks, in this order, each left out where it has no columns; single-row scoring relies on their names:

    numbers           scaled: the median for a blank, a flag per column with blanks, then scaled
                      clipped, spline: the median for a blank, clipped to the usual range, then scaled
                      trees, boosting: as they are, which take blanks by themselves
    blanks            clipped, spline: a flag per column with blanks
    splines           spline: straight lines from quartile to quartile, and level beyond the usual range
    seasons           months, weekdays and hours of dates; scaled: a column per value; else among the numbers
    categories        scaled: one column per category
                      trees, boosting: a number per category, which boosting treats as a category again
    many_categories   the mean target of the category (of each class beyond two), cross-fitted; scaled: scaled
    text:<column>     TF-IDF of words, or of parts of words where texts are short; trees, boosting: its
                      strongest components

Clipped and spline are otherwise as scaled. A blank text is a category of its own. An unseen category is no
category (scaled), -1 (trees), a blank (boosting), the mean of all rows (many_categories).
"""

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.model_selection import KFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)

from mlmodels.learning.trainers.errors import DataRefused
from mlmodels.learning.trainers.limits import SEED
from mlmodels.learning.trainers.plan import CATEGORY, NUMBER, TEXT, Feature, TrainingPlan
from mlmodels.learning.trainers.trainer import (
    BOOSTING,
    CLASSIFICATION,
    REGRESSION,
    SCALED,
    SCALED_FAMILIES,
    SPLINE,
    TREES,
    Trainer,
)

FEW_CATEGORIES_MAX = {**dict.fromkeys(SCALED_FAMILIES, 255), TREES: 50, BOOSTING: 255}  # the last natively
DENSE_CELLS_MAX = 20_000_000  # 160 MB; a wider table of one-hot columns is kept sparse
TARGET_FOLDS = 5
OBSERVED_MIN = 10
USUAL_RANGE = (0.01, 0.99)  # shares of the values
KNOTS = (0.01, 0.25, 0.5, 0.75, 0.99)
SEASONS = ("month", "weekday", "hour")
TERMS_MAX = 3_000
TEXT_COMPONENTS_MAX = 32
SHORT_TEXT_WORDS_MAX = 3.0  # on average
TEXTS_LOOKED_AT = 2_000
WORD = re.compile(r"\w\w+")
EARLY_STOPPING_ROWS_MIN = 500
EARLY_STOPPING_PATIENCE = 20
ROUNDS_OF_SMALL_TABLES = 100
RARE_CLASS_ROWS = 10


def build_pipeline(plan: TrainingPlan, frame: pd.DataFrame, labels) -> Pipeline:
    """The unfitted pipeline of "prepare" and "model"; `frame` and `labels` are the training rows."""
    preparation = build_preparation(
        plan.trainer.family_with(plan.parameters),
        plan.task,
        plan.all_features,
        frame,
        labels,
        seasons_of(plan.derived),
    )
    model = build_model(plan.trainer, plan.task, plan.parameters, preparation, labels)
    return Pipeline([("prepare", preparation), ("model", model)])


def build_model(trainer: Trainer, task: str, parameters: dict, preparation: ColumnTransformer, labels):
    """The unfitted estimator; boosting gets the categorical columns, and stops early without given rounds.

    It does so by validation rows of its own, of which there have to be enough, and some of each class.
    """
    if not trainer.takes_sparse and is_sparse(preparation):
        raise DataRefused(
            f"{trainer.label} takes no free text, and no table that gets so wide. Choose another algorithm, "
            "or other columns.",
            field="features",
        )
    model = trainer.estimator(task, parameters)
    if trainer.family != BOOSTING:
        return model
    model.set_params(categorical_features=category_positions(preparation) or None, early_stopping=False)
    if parameters[trainer.rounds] is None:
        is_rare = task == CLASSIFICATION and np.unique(labels, return_counts=True)[1].min() < RARE_CLASS_ROWS
        if is_rare or len(labels) < EARLY_STOPPING_ROWS_MIN:
            model.set_params(max_iter=ROUNDS_OF_SMALL_TABLES)
        else:
            model.set_params(early_stopping=True, n_iter_no_change=EARLY_STOPPING_PATIENCE)
    return model


def seasons_of(derived: Sequence[dict]) -> set[str]:
    """The names of derived columns that start again from the front every year, week or day."""
    return {column["name"] for column in derived if column["operation"] in SEASONS}


def build_preparation(
    family: str,
    task: str,
    features: Sequence[Feature],
    frame: pd.DataFrame,
    labels,
    seasons: frozenset[str] | set[str] = frozenset(),
) -> ColumnTransformer:
    """Unfitted; decides by these rows on blanks, few or many categories, dense or sparse, and texts."""
    is_scaled = family in SCALED_FAMILIES
    seasonal = [f.name for f in features if f.name in seasons] if is_scaled else []
    names = [f.name for f in features if f.role == NUMBER and f.name not in seasonal]
    numbers = usable_numbers(family, frame[names])
    distinct = {f.name: frame[f.name].nunique() for f in features if f.role == CATEGORY}
    few = [name for name, count in distinct.items() if count <= FEW_CATEGORIES_MAX[family]]
    many = [name for name in distinct if name not in few]
    wide = len(frame) * (len(numbers) + sum(distinct[name] for name in few)) > DENSE_CELLS_MAX
    blocks = [
        *number_blocks(family, frame[numbers]),
        ("seasons", OneHotEncoder(handle_unknown="ignore", sparse_output=False), seasonal),
        ("categories", category_block(family, sparse=wide), few),
        ("many_categories", many_categories_block(family, task, labels), many),
    ]
    blocks = [block for block in blocks if block[2]] + text_blocks(family, features, frame)
    if not blocks:
        raise DataRefused(
            "The chosen columns are blank in nearly every row. Choose other columns, or fill them.",
            field="features",
        )
    return ColumnTransformer(
        blocks,
        remainder="drop",
        sparse_threshold=1.0,  # sparse only where a block is
        verbose_feature_names_out=False,
    )


def is_sparse(preparation: ColumnTransformer) -> bool:
    return any(
        isinstance(block, TfidfVectorizer) or getattr(block, "sparse_output", False)
        for _, block, _ in preparation.transformers
    )


def usable_numbers(family: str, numbers: pd.DataFrame) -> list[str]:
    """Boosting cannot bin a column without any value, which a nearly blank one is in some fold: left out."""
    if family != BOOSTING:
        return list(numbers)
    observed = numbers.count()
    return [name for name in numbers if observed[name] >= min(OBSERVED_MIN, len(numbers))]


def number_blocks(family: str, numbers: pd.DataFrame) -> list[tuple]:
    """Trees and boosting take blanks as they are, and scaling before trees costs exactness for nothing."""
    names = list(numbers)
    if family not in SCALED_FAMILIES:
        return [("numbers", "passthrough", names)]
    blank = [name for name in names if numbers[name].isna().any()]
    if family == SCALED:
        return [("numbers", Pipeline([("impute", imputer(bool(blank))), ("scale", StandardScaler())]), names)]
    knots = knots_of(numbers) if family == SPLINE else {}
    return [
        ("numbers", clipped_block(numbers), names),
        ("blanks", MissingIndicator(features="all"), blank),
        ("splines", splines_block(list(knots.values())), list(knots)),
    ]


def imputer(has_flags: bool = False) -> SimpleImputer:
    return SimpleImputer(strategy="median", add_indicator=has_flags, keep_empty_features=True)


def clipped_block(numbers: pd.DataFrame) -> Pipeline:
    """A line leads out of the target's range where one number is far out of its own."""
    ends = [usual_range(numbers[name].dropna().to_numpy()) for name in numbers]
    lowest, highest = ([float(end[at]) for end in ends] for at in (0, 1))
    clip = FunctionTransformer(np.clip, kw_args={"a_min": lowest, "a_max": highest})
    return Pipeline([("impute", imputer()), ("clip", clip), ("scale", StandardScaler())])


def usual_range(values: np.ndarray) -> np.ndarray:
    """Of a number that hardly ever differs, all there are."""
    if not len(values):
        return np.zeros(2)
    ends = np.quantile(values, USUAL_RANGE)
    return ends if ends[0] < ends[1] else np.array([values.min(), values.max()])


def knots_of(numbers: pd.DataFrame) -> dict[str, list[float]]:
    """The knots of the spline for each number; none for numbers with few distinct values."""
    knots = {}
    for name in numbers:
        values = numbers[name].dropna().to_numpy()
        different = np.unique(values)
        if len(different) >= len(KNOTS):
            found = np.quantile(values, KNOTS)
            is_mostly_the_same = np.any(np.diff(found) <= 0)
            knots[name] = np.quantile(different, KNOTS) if is_mostly_the_same else found
    return knots


def splines_block(knots: list[list[float]]) -> Pipeline:
    spline = SplineTransformer(
        degree=1, knots=np.transpose(knots), extrapolation="constant", include_bias=False
    )
    return Pipeline([("impute", imputer()), ("spline", spline), ("scale", StandardScaler())])


def category_block(family: str, sparse: bool):
    if family in SCALED_FAMILIES:
        return OneHotEncoder(handle_unknown="ignore", sparse_output=sparse)
    unknown = -1 if family == TREES else np.nan
    return OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=unknown)


def many_categories_block(family: str, task: str, labels):
    """KFold, not the default stratified folds: those fail where every class has fewer rows than folds."""
    encode = TargetEncoder(
        target_type=target_type(task, labels), cv=KFold(TARGET_FOLDS, shuffle=True, random_state=SEED)
    )
    return (
        Pipeline([("encode", encode), ("scale", StandardScaler())]) if family in SCALED_FAMILIES else encode
    )


def target_type(task: str, labels) -> str:
    if task == REGRESSION:
        return "continuous"
    return "binary" if len(np.unique(labels)) <= 2 else "multiclass"


def text_blocks(family: str, features: Sequence[Feature], frame: pd.DataFrame) -> list[tuple]:
    """One block per column of texts, left out where there is hardly a word in it."""
    blocks = []
    for name in (feature.name for feature in features if feature.role == TEXT):
        words = [WORD.findall(text.lower()) for text in frame[name].iloc[:TEXTS_LOOKED_AT] if text]
        vocabulary = len({word for found in words for word in found})
        if vocabulary >= 2:
            is_short = sum(map(len, words)) / len(words) <= SHORT_TEXT_WORDS_MAX
            blocks.append((f"text:{name}", text_block(family, is_short, vocabulary), name))
    return blocks


def text_block(family: str, is_short: bool, vocabulary: int):
    by = {"analyzer": "char_wb", "ngram_range": (2, 4)} if is_short else {"ngram_range": (1, 2)}
    weigh = TfidfVectorizer(max_features=TERMS_MAX, sublinear_tf=True, **by)
    if family in SCALED_FAMILIES:
        return weigh
    components = min(TEXT_COMPONENTS_MAX, max(1, vocabulary // 2))  # fewer than there are terms in any fold
    return Pipeline([("weigh", weigh), ("reduce", TruncatedSVD(components, random_state=SEED))])


def category_positions(preparation: ColumnTransformer) -> list[int]:
    """Where the columns of the category block stand once prepared: behind the numbers, one each."""
    columns = {name: names for name, _, names in preparation.transformers}
    first = len(columns.get("numbers", ()))
    return list(range(first, first + len(columns.get("categories", ()))))
