"""Saves a pipeline as MLflow serves it: `python save_for_mlflow.py PIPELINE FOLDER`."""

import sys

import joblib
import mlflow.sklearn

mlflow.sklearn.save_model(joblib.load(sys.argv[1]), sys.argv[2], serialization_format="cloudpickle")
