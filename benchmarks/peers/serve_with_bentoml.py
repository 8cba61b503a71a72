"""BentoML with a pipeline in memory: `MODEL_FILE=… bentoml serve serve_with_bentoml:Model`."""

import os

import bentoml
import joblib
import pandas


@bentoml.service(workers=2)
class Model:
    def __init__(self):
        self.pipeline = joblib.load(os.environ["MODEL_FILE"])

    @bentoml.api
    def predict(self, features: dict) -> dict:
        return {"prediction": self.pipeline.predict(pandas.DataFrame([features])).tolist()[0]}
