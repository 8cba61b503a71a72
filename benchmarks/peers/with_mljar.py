"""mljar-supervised in "Perform", the mode that its manual names for models in use."""

import tempfile

import pandas as pd
from question import REGRESSION, Question, answer
from supervised import AutoML

TASKS = {
    "regression": REGRESSION,
    "binary": "binary_classification",
    "multiclass": "multiclass_classification",
}
METRICS = {"regression": "r2", "binary": "auc", "multiclass": "logloss"}
PROBABILITY = "prediction_"


def predict(question: Question) -> pd.DataFrame:
    with tempfile.TemporaryDirectory() as folder:
        automl = AutoML(
            results_path=f"{folder}/automl",
            mode="Perform",
            ml_task=TASKS[question.task],
            eval_metric=METRICS[question.task],
            total_time_limit=question.seconds,
            explain_level=0,  # its reports come out of the same time
            n_jobs=1,
            random_state=0,
        )
        automl.fit(question.columns, question.labels)
        print(automl.get_leaderboard().to_string())
        if question.task == REGRESSION:
            return pd.DataFrame({"prediction": automl.predict(question.test)})
        answers = automl.predict_all(question.test)
    return answers.filter(like=PROBABILITY).rename(columns=lambda name: name.removeprefix(PROBABILITY))


answer(predict)
