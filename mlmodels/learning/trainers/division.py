"""Divides rows as a training of them will, before it is paid for, and refuses what cannot be divided."""

import numpy as np
import pandas as pd

from mlmodels.learning.executors import IN_LINE
from mlmodels.learning.trainers import search
from mlmodels.learning.trainers.candidates import Rows
from mlmodels.learning.trainers.checks import check_features, check_target, clean_labels
from mlmodels.learning.trainers.comparison import make_bench
from mlmodels.learning.trainers.fitting import needs_folds, warnings_silenced
from mlmodels.learning.trainers.limits import SEARCH_FOLDS
from mlmodels.learning.trainers.plan import K_FOLD, TrainingPlan
from mlmodels.learning.trainers.splits import Splitter


def check_division(frame: pd.DataFrame, target_labels, plan: TrainingPlan, split_values=None) -> None:
    """Raises the DataRefused that `fitting.train` would raise of these rows before it has fitted anything."""
    labels = clean_labels(target_labels, plan.task)
    check_target(labels, plan.task, plan.target)
    check_features(frame, plan.features)
    splitter = Splitter(plan, frame, labels, split_values)
    with warnings_silenced():
        divide(plan, splitter, Rows(frame[plan.feature_names], labels))


def divide(plan: TrainingPlan, splitter: Splitter, rows: Rows) -> None:
    if plan.evaluation.kind == K_FOLD:
        training = np.arange(len(rows))
        folds = splitter.folds(training, plan.evaluation.folds, shuffle=True)
        plan.trainer.check_rows(plan.parameters, min(len(learned) for learned, _ in folds))
    else:
        training = splitter.hold_out().training
    if plan.search:
        count = search.sizes(plan, len(training))[0]
        bench = make_bench(plan, splitter, training, rows, count, SEARCH_FOLDS, IN_LINE)
        search.check_rows(plan, search.first_candidates(plan), bench)
        return
    plan.trainer.check_rows(plan.parameters, len(training))
    if plan.is_auto or needs_folds(plan):
        make_bench(plan, splitter, training, rows, len(training), SEARCH_FOLDS, IN_LINE)
