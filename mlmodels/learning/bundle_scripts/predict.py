"""Predicts with the model of this folder.

    python predict.py '{"area": 120, "district": "Harbour"}'
    python predict.py < example_row.json

Loading model.joblib runs what is in it: only use a bundle that you made or trust.
"""

import json
import sys
from pathlib import Path

import joblib

from mlmodels.learning.serving import ModelFacts, ServedModel
from mlplatform.core.errors import DomainError

FOLDER = Path(__file__).parent


def load() -> ServedModel:
    facts = json.loads((FOLDER / "model.json").read_text(encoding="utf-8"))
    return ServedModel(joblib.load(FOLDER / "model.joblib"), ModelFacts(**facts["serving"]))


def main() -> None:
    text = sys.argv[1] if len(sys.argv) > 1 else sys.stdin.read()
    model = load()
    try:
        answer = model.answer(model.read(json.loads(text)))
    except DomainError as refused:
        sys.exit(f"Refused: {refused}")
    print(json.dumps(answer, ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
