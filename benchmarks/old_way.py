"""The old way to serve a model: a FastAPI process that loads the pickle for every request.

No login, no database, no payment: what is compared against does less. Start it with
`MODEL_FILE=… uvicorn benchmarks.old_way:app`.
"""

import os

import joblib
import pandas
from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()


class Row(BaseModel):
    features: dict


@app.post("/predict/{model_name}")
def predict(model_name: str, row: Row):
    pipeline = joblib.load(os.environ["MODEL_FILE"])
    prediction = pipeline.predict(pandas.DataFrame([row.features]))
    return {"status": "success", "prediction": prediction.tolist()[0]}
