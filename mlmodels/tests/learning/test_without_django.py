"""The learning packages run wherever scikit-learn does, such as in a notebook, and start quickly."""

import subprocess
import sys

from mlplatform.tests.fresh_process import LEARNING_LIBRARIES, imported_by
from mlplatform.tests.installation import PROJECT

PROGRAM = '''
import io
import sys


class NoDjango:
    """As if the web framework were not installed."""

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("django", "rest_framework"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, NoDjango())
try:
    import django
except ModuleNotFoundError:
    pass
else:
    sys.exit("Django can still be imported.")

from mlmodels.learning import doctor, model_files, samples, scoring, tables, trainers

data = samples.csv_bytes("iris")
summary = tables.inspect(io.BytesIO(data))
*columns, target = summary.columns
examination = doctor.examine(io.BytesIO(data), summary.dialect, summary.columns, target.name)
assert examination == (summary.columns, [])
frame = tables.read(io.BytesIO(data), summary.dialect, summary.columns)
labels = tables.target_values(target, frame.pop(target.name), "classification")
features = tuple(trainers.Feature(column.name, column.role) for column in columns)
plan = trainers.TrainingPlan("decision_tree", "classification", features, target.name)
result = trainers.train(frame[labels.keep], labels.values, plan)
scorer = scoring.compile_pipeline(result.pipeline, features)
assert scoring.verify(scorer, result.pipeline, frame)
row = tables.RowReader(columns).read(dict(zip(plan.feature_names, [5.1, 3.5, 1.4, 0.2])))
print(scorer.predict_as_dict(row)["prediction"])
'''


def test_a_model_is_trained_and_predicts_where_django_is_not_installed():
    finished = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=PROJECT, capture_output=True, text=True, check=False
    )

    assert finished.stderr == ""
    assert finished.stdout.strip() == "setosa"


def test_importing_tables_and_reading_one_row_loads_no_learning_library():
    code = (
        "import io; from mlmodels.learning import tables;"
        "summary = tables.inspect(io.BytesIO(b'a,b\\n1,x\\n2,y\\n'));"
        "assert tables.RowReader(summary.columns).read({'a': '1', 'b': 'x'}) == [1.0, 'x']"
    )

    assert imported_by(code, LEARNING_LIBRARIES) == set()


def test_tables_import_no_django():
    assert imported_by("import mlmodels.learning.tables", {"django"}) == set()
