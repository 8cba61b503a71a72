"""Trains the model of this folder again from its table, and says whether it is the same bit for bit.

    python rebuild.py houses.csv

Needs the versions of requirements.txt. Writes rebuilt.joblib.
"""

import hashlib
import json
import sys
from pathlib import Path

from mlmodels.learning import model_files, training_table

FOLDER = Path(__file__).parent


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    facts = json.loads((FOLDER / "model.json").read_text(encoding="utf-8"))["rebuild"]
    if facts is None:
        sys.exit(
            "The dataset or the training run was deleted before this bundle was made: it cannot be rebuilt."
        )
    table = Path(sys.argv[1])
    if hashlib.sha256(table.read_bytes()).hexdigest() != facts["table_sha256"]:
        sys.exit(f"{table} is not the table that the model was trained on: its SHA-256 differs.")
    target = FOLDER / "rebuilt.joblib"
    model_files.write(training_table.train(table, **facts["order"]).pipeline, target)
    if hashlib.sha256(target.read_bytes()).hexdigest() != facts["model_sha256"]:
        sys.exit(f"Different: {target} is not the same as model.joblib. Check the versions of the libraries.")
    print(f"The same: {target} equals model.joblib bit for bit.")


if __name__ == "__main__":
    main()
