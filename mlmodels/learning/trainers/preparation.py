"""How columns are prepared for a family of algorithms: one ColumnTransformer of scikit-learn parts alone.

Blocks, in this order, each left out where it has no columns; single-row scoring relies on their names:

    numbers           scaled: the median for a blank, a flag per column with blanks, then scaled
                      trees, boosting: as they are, which take blanks by themselves
    categories        scaled: one column per category
                      trees, boosting: a number per category, which boosting treats as a category again
    many_categories   the mean target of the category (of each class beyond two), cross-fitted; scaled: scaled

A blank text is a category of its own. An unseen category is no category (scaled), -1 (trees), a blank
(boosting), the mean of all rows (many_categories).
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import KFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler, TargetEncoder

from mlmodels.learning.trainers.errors import DataRefused
from mlmodels.learning.trainers.limits import SEED
from mlmodels.learning.trainers.plan import NUMBER, Feature, TrainingPlan
from mlmodels.learning.trainers.trainer import BOOSTING, CLASSIFICATION, REGRESSION, SCALED, TREES, Trainer

FEW_CATEGORIES_MAX = {SCALED: 255, TREES: 50, BOOSTING: 255}  # 255 is also what boosting takes natively
DENSE_CELLS_MAX = 20_000_000  # 160 MB; a wider table of one-hot columns is kept sparse
TARGET_FOLDS = 5
OBSERVED_MIN = 10
RARE_CLASS_ROWS = 10


def build_pipeline(plan: TrainingPlan, frame: pd.DataFrame, labels) -> Pipeline:
    """The unfitted pipeline of "prepare" and "model"; `frame` and `labels` are the training rows."""
    preparation = build_preparation(plan.trainer.family, plan.task, plan.features, frame, labels)
    model = build_model(plan.trainer, plan.task, plan.parameters, preparation, labels)
    return Pipeline([("prepare", preparation), ("model", model)])


def build_model(trainer: Trainer, task: str, parameters: dict, preparation: ColumnTransformer, labels):
    """The unfitted estimator; boosting gets the categorical columns and whether it may stop early.

    On more than 10,000 rows it does so by validation rows of its own, which takes some of each class.
    """
    model = trainer.estimator(task, parameters)
    if trainer.family == BOOSTING:
        is_rare = task == CLASSIFICATION and np.unique(labels, return_counts=True)[1].min() < RARE_CLASS_ROWS
        model.set_params(
            categorical_features=category_positions(preparation) or None,
            early_stopping=False if is_rare else "auto",
        )
    return model


def build_preparation(
    family: str, task: str, features: Sequence[Feature], frame: pd.DataFrame, labels
) -> ColumnTransformer:
    """Unfitted; decides by these rows on blanks, few or many categories, dense or sparse."""
    numbers = usable_numbers(family, frame[[feature.name for feature in features if feature.role == NUMBER]])
    distinct = {f.name: frame[f.name].nunique() for f in features if f.role != NUMBER}
    few = [name for name, count in distinct.items() if count <= FEW_CATEGORIES_MAX[family]]
    many = [name for name in distinct if name not in few]
    wide = len(frame) * (len(numbers) + sum(distinct[name] for name in few)) > DENSE_CELLS_MAX
    blocks = [
        ("numbers", number_block(family, has_blanks=bool(frame[numbers].isna().any(axis=None))), numbers),
        ("categories", category_block(family, sparse=wide), few),
        ("many_categories", many_categories_block(family, task, labels), many),
    ]
    blocks = [block for block in blocks if block[2]]
    if not blocks:
        raise DataRefused(
            "The chosen columns are blank in nearly every row. Choose other columns, or fill them.",
            field="features",
        )
    return ColumnTransformer(
        blocks,
        remainder="drop",
        sparse_threshold=1.0,  # sparse only where the category block is
        verbose_feature_names_out=False,
    )


def usable_numbers(family: str, numbers: pd.DataFrame) -> list[str]:
    """Boosting cannot bin a column without any value, which a nearly blank one is in some fold: left out."""
    if family != BOOSTING:
        return list(numbers)
    observed = numbers.count()
    return [name for name in numbers if observed[name] >= min(OBSERVED_MIN, len(numbers))]


def number_block(family: str, has_blanks: bool):
    """Trees and boosting take blanks as they are, and scaling before trees costs exactness for nothing."""
    if family != SCALED:
        return "passthrough"
    impute = SimpleImputer(strategy="median", add_indicator=has_blanks, keep_empty_features=True)
    return Pipeline([("impute", impute), ("scale", StandardScaler())])


def category_block(family: str, sparse: bool):
    if family == SCALED:
        return OneHotEncoder(handle_unknown="ignore", sparse_output=sparse)
    unknown = -1 if family == TREES else np.nan
    return OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=unknown)


def many_categories_block(family: str, task: str, labels):
    """KFold, not the default stratified folds: those fail where every class has fewer rows than folds."""
    encode = TargetEncoder(
        target_type=target_type(task, labels), cv=KFold(TARGET_FOLDS, shuffle=True, random_state=SEED)
    )
    return Pipeline([("encode", encode), ("scale", StandardScaler())]) if family == SCALED else encode


def target_type(task: str, labels) -> str:
    if task == REGRESSION:
        return "continuous"
    return "binary" if len(np.unique(labels)) <= 2 else "multiclass"


def category_positions(preparation: ColumnTransformer) -> list[int]:
    """Where the columns of the category block stand once prepared: behind the numbers, one each."""
    columns = {name: names for name, _, names in preparation.transformers}
    first = len(columns.get("numbers", ()))
    return list(range(first, first + len(columns.get("categories", ()))))
