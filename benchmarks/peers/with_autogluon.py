"""AutoGluon with the preset that its manual names for the best predictions."""

import tempfile

import pandas as pd
from autogluon.tabular import TabularPredictor
from question import REGRESSION, Question, answer

METRICS = {"regression": "r2", "binary": "roc_auc", "multiclass": "log_loss"}


def predict(question: Question) -> pd.DataFrame:
    with tempfile.TemporaryDirectory() as folder:
        predictor = TabularPredictor(
            question.target, problem_type=question.task, eval_metric=METRICS[question.task], path=folder
        ).fit(question.training, time_limit=question.seconds, num_cpus=1, presets="best_quality")
        print(predictor.leaderboard())
        if question.task == REGRESSION:
            return predictor.predict(question.test).to_frame("prediction")
        return predictor.predict_proba(question.test)


answer(predict)
