from mlplatform.tests.fresh_process import LEARNING_LIBRARIES, imported_by


def test_importing_the_package_and_reading_one_row_loads_no_learning_library():
    code = (
        "import io; from mlmodels.learning import tables;"
        "summary = tables.inspect(io.BytesIO(b'a,b\\n1,x\\n2,y\\n'));"
        "assert tables.RowReader(summary.columns).read({'a': '1', 'b': 'x'}) == [1.0, 'x']"
    )

    assert imported_by(code, LEARNING_LIBRARIES) == set()


def test_the_package_imports_no_django():
    assert imported_by("import mlmodels.learning.tables", {"django"}) == set()
