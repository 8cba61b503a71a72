import subprocess
import sys

LEARNING_LIBRARIES = {"numpy", "pandas", "sklearn", "scipy"}


def test_importing_the_package_and_reading_one_row_loads_no_learning_library():
    program = (
        "import sys, io; from mlmodels.learning import tables;"
        "summary = tables.inspect(io.BytesIO(b'a,b\\n1,x\\n2,y\\n'));"
        "assert tables.RowReader(summary.columns).read({'a': '1', 'b': 'x'}) == [1.0, 'x'];"
        f"print(sorted({LEARNING_LIBRARIES!r} & set(sys.modules)))"
    )

    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert finished.stderr == ""
    assert finished.stdout.strip() == "[]"


def test_the_package_imports_no_django():
    program = "import sys, mlmodels.learning.tables; print('django' in sys.modules)"

    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert finished.stdout.strip() == "False"
