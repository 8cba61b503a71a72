"""Each fault is found in a table that was made to have it, and nothing is found in clean ones."""

import io
import json
import random

import pytest

from mlmodels.learning import doctor, samples, tables
from mlmodels.tests.learning.tables.files import opened

ROWS = 400


def examined(columns: dict[str, list], target: str | None = "y") -> doctor.Examination:
    return examined_bytes(written(columns), target)


def written(columns: dict[str, list]) -> bytes:
    lines = [",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True))]
    return "\n".join(lines).encode()


def examined_bytes(content: bytes, target: str | None) -> doctor.Examination:
    summary = tables.inspect(opened(content))
    return doctor.examine(opened(content), summary.dialect, summary.columns, target)


def codes(examination: doctor.Examination) -> list[tuple]:
    return [(found["code"], *found["columns"]) for found in examination.findings]


def only(examination: doctor.Examination, code: str) -> dict:
    (found,) = [found for found in examination.findings if found["code"] == code]
    return found


def current(found: dict) -> str:
    (label,) = [choice["label"] for choice in found["choices"] if choice["is_current"]]
    return label


def clean(rows: int = ROWS, seed: int = 1) -> dict[str, list]:
    """A number, a category and a target that depends on both and on chance."""
    draw = random.Random(seed)
    size = [round(draw.gauss(100, 20), 2) for _ in range(rows)]
    rooms = [draw.randrange(1, 9) for _ in range(rows)]
    place = [draw.choice(["north", "south", "east"]) for _ in range(rows)]
    y = [
        round(s + 8 * r + 20 * (p == "north") + draw.gauss(0, 20), 2)
        for s, r, p in zip(size, rooms, place, strict=True)
    ]
    return {"size": size, "rooms": rooms, "place": place, "y": y}


def labels(rows: int = ROWS, share: float = 0.4, seed: int = 2) -> list[str]:
    draw = random.Random(seed)
    return ["yes" if draw.random() < share else "no" for _ in range(rows)]


@pytest.mark.parametrize("sample", ["iris", "diabetes", "wine", "breast_cancer", "iris_numbered"])
def test_nothing_is_found_in_the_samples(sample):
    assert codes(examined_bytes(samples.csv_bytes(sample), samples.SAMPLES[sample].target)) == []


@pytest.mark.parametrize("seed", range(5))
def test_nothing_is_found_in_a_clean_table(seed):
    draw = random.Random(seed)
    days = [
        f"{2020 + draw.randrange(4)}-{draw.randrange(1, 13):02}-{draw.randrange(1, 29):02}"
        for _ in range(ROWS)
    ]

    assert codes(examined({"seen": days, **clean(seed=seed)})) == []
    assert codes(examined({**clean(seed=seed), "y": labels(seed=seed)})) == []


def test_findings_are_plain_data_and_warnings_come_first():
    columns = {"id": range(ROWS), **clean()}
    columns["leak"] = columns["y"]

    found = examined(columns).findings

    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert [each["severity"] for each in found] == ["warning", "info"]
    assert set(found[0]) == {"code", "columns", "severity", "seen", "happens", "choices"}


class TestColumns:
    def test_an_identifier_is_not_used(self):
        found = only(examined({"order_id": [f"A{n}" for n in range(ROWS)], **clean()}), "identifier")

        assert found["columns"] == ["order_id"]
        assert found["seen"] == '"order_id" is different in every row.'
        assert current(found) == "Leave out"
        assert found["choices"][1]["change"] == {"columns": {"order_id": {"use": True}}}

    def test_a_column_that_counts_the_rows_is_named(self):
        found = only(examined({"line": range(7, 7 + ROWS), **clean()}), "identifier")

        assert found["seen"] == '"line" counts the rows.'
        assert current(found) == "Use"

    def test_constant_and_empty_columns(self):
        examination = examined({"a": ["x"] * ROWS, "b": [3] * ROWS, "c": [""] * ROWS, **clean()})

        assert codes(examination) == [("constant", "a", "b"), ("empty", "c")]

    def test_a_nearly_empty_column(self):
        found = only(examined({"note": ["x", "y", "z"] + [""] * (ROWS - 3), **clean()}), "nearly_empty")

        assert found["seen"] == '"note" is blank in 397 rows of 400.'
        assert current(found) == "Use"

    @pytest.mark.parametrize(
        ("cells", "blanks"),
        [
            ([-1 if n % 9 == 0 else n % 50 for n in range(ROWS)], ["-1"]),
            ([-1 if n % 20 == 0 else n / 7 for n in range(ROWS)], ["-1"]),
            ([999 if n % 9 == 0 else n % 50 for n in range(ROWS)], ["999"]),
            ([-999.0 if n % 9 == 0 else -n / 7 for n in range(ROWS)], ["-999.0"]),
            ([-999 if n % 9 == 0 else 1000 + n * 37 % 8000 for n in range(ROWS)], ["-999"]),
            ([-1 if n % 9 == 0 else 999 if n % 9 == 1 else n % 50 for n in range(ROWS)], ["-1", "999"]),
            (["?" if n % 9 == 0 else "abc"[n % 3] * 3 for n in range(ROWS)], ["?"]),
            (["n/a" if n % 9 == 0 else ["red", "green"][n % 2] for n in range(ROWS)], ["n/a"]),
        ],
    )
    def test_disguised_blanks_may_be_read_as_blanks(self, cells, blanks):
        found = only(examined({"x": cells, **clean()}), "disguised_blanks")

        assert found["columns"] == ["x"]
        assert current(found) == "A value"
        assert found["choices"][1]["change"] == {"columns": {"x": {"blanks": blanks}}}

    def test_how_often_a_disguised_blank_occurs(self):
        found = only(examined({"x": [-1] * 10 + list(range(ROWS - 10)), **clean()}), "disguised_blanks")

        assert found["seen"] == '"x" is "-1" in 10 rows, which may mean that there is no value.'

    @pytest.mark.parametrize(
        "cells",
        [
            [n % 3 - 1 for n in range(ROWS)],
            [n % 20 - 1 for n in range(ROWS)],
            [n % 40 - 20 for n in range(ROWS)],
            [-99 if n in (3, 7) else n // 4 * 10 for n in range(ROWS)],
            [n % 110 for n in range(ROWS)],
            [900 + n % 110 for n in range(ROWS)],
            [["NA", "DE", "FR"][n % 3] for n in range(ROWS)],
            [["none", "some", "many"][n % 3] for n in range(ROWS)],
        ],
    )
    def test_values_that_belong_to_the_others_are_no_disguised_blanks(self, cells):
        assert codes(examined({"x": cells, **clean()})) == []

    def test_words_among_numbers_are_read_as_blank_and_named(self):
        cells = ["broken" if n in (5, 9) else n / 7 for n in range(ROWS)]

        found = only(examined({"x": cells, **clean()}), "misfits")

        assert found["seen"] == '"x": 2 cells are read as blank: "broken" (2 cells).'
        assert current(found) == "Blank"

    def test_numbers_with_too_many_words_may_be_read_as_numbers(self):
        cells = ["broken" if n % 20 == 0 else n / 7 for n in range(ROWS)]
        content = written({"x": cells, **clean()})

        found = only(examined_bytes(content, "y"), "misfits")
        wanted = found["choices"][1]["change"]["columns"]["x"]
        summary = tables.inspect(opened(content))
        changed = tables.change(
            opened(content), summary.dialect, summary.columns, {"x": tables.ColumnChange(**wanted)}
        )[0]

        assert current(found) == "As text"
        assert (changed.kind, changed.use, changed.profile["missing"]) == ("number", True, 20)

    def test_labels_that_differ_by_case_or_spaces_may_be_merged(self):
        towns = ["Old Town", "old town", "OLD  TOWN", "Harbour"]

        found = only(examined({"town": [towns[n % 4] for n in range(ROWS)], **clean()}), "spellings")

        assert found["seen"].startswith('"town" has 4 spellings of 2 values, as in "Old Town" and "old town"')
        assert current(found) == "Keep apart"
        assert found["choices"][1]["change"] == {"columns": {"town": {"merge_spellings": True}}}

    def test_columns_that_tell_the_same(self):
        columns = clean()
        columns["feet"] = [round(size * 10.764, 1) for size in columns["size"]]
        columns["zone"] = [{"north": "N", "south": "S", "east": "E"}[place] for place in columns["place"]]

        assert codes(examined(columns)) == [("alike", "place", "zone"), ("alike", "size", "feet")]


class TestRows:
    @pytest.mark.parametrize("times", [2, 4])
    def test_copies_of_rows_are_counted(self, times):
        columns = {name: cells[: ROWS // times] * times for name, cells in clean().items()}

        found = only(examined(columns), "duplicates")

        assert found["seen"] == f"{ROWS - ROWS // times} rows repeat an earlier one."

    def test_copies_are_found_although_an_identifier_tells_them_apart(self):
        columns = {name: cells[:200] * 2 for name, cells in clean().items()}

        assert ("duplicates",) in codes(examined({"id": range(ROWS), **columns}))

    def test_copies_in_a_large_table_are_estimated(self):
        columns = clean(rows=60_000)
        columns = {name: cells + cells for name, cells in columns.items()}

        assert (
            only(examined(columns), "duplicates")["seen"]
            == "About 50% of the rows are equal to an earlier one."
        )

    def test_rows_of_few_values_repeat_by_themselves(self):
        draw = random.Random(3)
        columns = {name: [draw.choice("abc") for _ in range(ROWS)] for name in ("p", "q", "y")}

        assert "duplicates" not in [code for code, *_ in codes(examined(columns))]

    def test_an_identifier_that_repeats_keeps_its_rows_together(self):
        examination = examined({"patient_id": [1000 + n // 4 for n in range(ROWS)], **clean()})

        found = only(examination, "groups")

        assert found["seen"] == '"patient_id" is an identifier that repeats: 100 values in 400 rows.'
        assert current(found) == "Keep together"
        assert doctor.evaluation_for(examination.findings, None) == {"kind": "group", "by": "patient_id"}


def days(rows: int = ROWS) -> list[str]:
    return [f"{2020 + n // 360}-{n % 360 // 30 + 1:02}-{n % 28 + 1:02}" for n in range(rows)]


class TestTarget:
    @pytest.mark.parametrize("noise", [0, 0.5])
    def test_a_copy_of_the_target_is_left_out(self, noise):
        columns = clean()
        draw = random.Random(4)
        columns["fee"] = [round(3 * y + draw.gauss(0, noise), 2) for y in columns["y"]]

        examination = examined(columns)

        found = only(examination, "leakage")
        assert found["columns"] == ["fee"]
        assert current(found) == "Leave out"
        assert [c.name for c in examination.columns if c.is_left_out] == ["fee"]
        assert not next(c for c in examination.columns if c.name == "fee").use

    def test_a_strong_column_is_used_with_a_warning(self):
        columns = clean()
        draw = random.Random(5)
        columns["fee"] = [round(y + draw.gauss(0, 10), 2) for y in columns["y"]]

        examination = examined(columns)

        assert current(only(examination, "leakage")) == "Use"
        assert all(column.use for column in examination.columns)

    @pytest.mark.parametrize("yes", [0.4, 0.1])
    def test_a_word_for_each_class_gives_the_target_away(self, yes):
        y = labels(share=yes)
        columns = {**clean(), "y": y, "status": [{"yes": "closed", "no": "open"}[label] for label in y]}

        assert current(only(examined(columns), "leakage")) == "Leave out"

    def test_a_number_that_is_filled_in_for_one_class_alone_gives_it_away(self):
        y = labels()
        columns = {
            **clean(),
            "y": y,
            "refund": [n + 1 if label == "yes" else "" for n, label in enumerate(y)],
        }

        assert current(only(examined(columns), "leakage")) == "Leave out"

    def test_a_date_that_is_there_for_one_class_alone_gives_it_away(self):
        y = labels()
        closed = [day if label == "yes" else "" for day, label in zip(days(), y, strict=True)]

        assert only(examined({**clean(), "y": y, "closed_at": closed}), "leakage")["columns"] == ["closed_at"]

    def test_a_trend_gives_nothing_away(self):
        examination = examined({"sold_on": days(), **clean(), "y": [n * 3 for n in range(ROWS)]})

        assert codes(examination) == [("time", "sold_on")]

    def test_what_the_user_chose_to_use_is_used(self):
        columns = clean()
        content = written({**columns, "fee": columns["y"]})
        summary = tables.inspect(opened(content))
        chosen = tables.change(
            opened(content), summary.dialect, summary.columns, {"fee": tables.ColumnChange(use=True)}
        )

        examination = doctor.examine(opened(content), summary.dialect, chosen, "y")

        assert current(only(examination, "leakage")) == "Use"
        assert examination.columns[-1].use

    def test_a_column_left_out_for_one_target_is_back_for_another(self):
        columns = clean()
        content = written({**columns, "fee": columns["y"]})
        summary = tables.inspect(opened(content))
        first = doctor.examine(opened(content), summary.dialect, summary.columns, "y")

        second = doctor.examine(opened(content), summary.dialect, first.columns, "size")

        assert not first.columns[-1].use
        assert all(column.use for column in second.columns)

    def test_the_only_column_is_used_even_if_it_tells_everything(self):
        examination = examined({"x": range(0, 2 * ROWS, 2), "y": [n * 3 for n in range(ROWS)]})

        assert current(only(examination, "leakage")) == "Use"
        assert examination.columns[0].use

    def test_imbalance_is_said_in_words(self):
        y = ["yes" if n % 33 == 0 else "no" for n in range(ROWS)]

        found = only(examined({**clean(), "y": y}), "imbalance")

        assert found["seen"] == '3% are "yes": a model that always says "no" is right in 96 of 100.'

    def test_few_rows(self):
        found = only(examined(clean(rows=30)), "few_rows")

        assert found["seen"] == "Only 30 rows can be used."

    def test_rows_without_a_target_are_counted(self):
        columns = clean()
        columns["y"][:12] = [""] * 12

        found = only(examined(columns), "no_target")

        assert found["seen"] == '12 rows have no value in "y".'
        assert found["happens"] == "Left out: 388 rows are used."

    def test_a_target_that_changes_with_time_is_tested_on_the_latest_rows(self):
        columns = {"sold_on": days(), **clean()}
        columns["y"] = [round(y + n / 3, 2) for n, y in enumerate(columns["y"])]

        examination = examined(columns)

        found = only(examination, "time")
        assert found["seen"] == '"y" changes with "sold_on".'
        assert current(found) == "Latest rows"
        assert doctor.evaluation_for(examination.findings, None) == {"kind": "time", "by": "sold_on"}

    def test_a_label_that_changes_with_time(self):
        draw = random.Random(6)
        y = ["yes" if draw.random() < n / ROWS else "no" for n in range(ROWS)]

        assert ("time", "sold_on") in codes(examined({"sold_on": days(), **clean(), "y": y}))

    def test_a_date_of_birth_is_not_when_the_row_came_about(self):
        columns = {"date_of_birth": days(), **clean()}
        columns["y"] = [round(y + n / 3, 2) for n, y in enumerate(columns["y"])]

        assert codes(examined(columns)) == []

    def test_random_rows_may_be_chosen_instead(self):
        columns = {"sold_on": days(), **clean(), "patient_id": [n % 100 for n in range(ROWS)]}
        columns["y"] = [round(y + n / 3, 2) for n, y in enumerate(columns["y"])]
        findings = examined(columns).findings

        found = {
            each["code"]: current(each)
            for each in doctor.with_evaluation(findings, {"kind": "hold_out"})
            if each["code"] in ("time", "groups")
        }
        by_itself = {each["code"]: [c["is_current"] for c in each["choices"]] for each in findings}

        assert found == {"time": "Random rows", "groups": "Random rows"}
        assert by_itself["time"] == [True, False]
        assert by_itself["groups"] == [False, False]

    @pytest.mark.parametrize("target", [None, "words", "when"])
    def test_without_a_usable_target_the_columns_are_examined_all_the_same(self, target):
        columns = {
            "when": days(),
            "words": [f"w{n % 150} {n}" for n in range(ROWS)],
            "a": [1] * ROWS,
            **clean(),
        }

        assert ("constant", "a") in codes(examined(columns, target))


def sales(rows: int = 40) -> tuple[list[str], float]:
    draw, lines, total = random.Random(3), ["Datum;Artikel;Kunde;Menge;Land;Betrag"], 0.0
    for n in range(rows):
        amount = round(draw.uniform(10, 5_000), 2)
        total += amount
        lines.append(f"{1 + n % 28:02}.03.2025;A{n % 7};K{n};{1 + n % 9};{'ABC'[n % 3]};{german(amount)}")
    return lines, total


def german(amount: float) -> str:
    return f"{amount:,.2f}".translate(str.maketrans(",.", ".,"))


def with_last(line: str) -> doctor.Examination:
    lines, total = sales()
    last = line.format(total=german(total), quantity=sum(1 + n % 9 for n in range(40)))
    return examined_bytes("\n".join([*lines, last]).encode(), "Betrag")


class TestTotals:
    @pytest.mark.parametrize(
        "word",
        [
            "Summe",
            "Total",
            "GESAMT:",
            "Total général",
            "Grand Total",
            "Gesamtsumme 2025",
            "Suma",
            "Totale (EUR)",
            " Sum ",
        ],
    )
    def test_a_last_row_of_totals_is_pointed_out(self, word):
        found = only(with_last(word + ";;;;;{total}"), "totals")

        assert found["columns"] == ["Betrag"]
        assert found["severity"] == "warning"
        assert found["seen"] == (
            f'The last row begins with "{word.strip()}" and holds the sum of "Betrag": it looks like a total '
            "of the rows above it."
        )
        assert found["happens"].endswith("Delete it in the file, and upload that.")

    def test_several_sums_without_a_word_are_a_total(self):
        found = only(with_last(";;;{quantity};;{total}"), "totals")

        assert found["seen"].startswith('The last row holds the sum of "Menge" and "Betrag": ')

    def test_sums_beside_a_word_are_a_total_whatever_else_there_is(self):
        assert only(with_last("Summe;alle;40;{quantity};alle;{total}"), "totals")["columns"][-1] == "Betrag"

    def test_a_word_and_a_number_that_is_no_sum_are_a_total(self):
        found = only(with_last("Gesamt;;;;;98.765.432,10"), "totals")

        assert (
            found["seen"] == 'The last row begins with "Gesamt": it looks like a total of the rows above it.'
        )

    def test_it_is_found_in_a_large_file_of_which_rows_are_drawn(self):
        columns = clean(rows=30_000)
        content = written(columns) + f"\n{sum(columns['size']):.2f},,Total,".encode()
        other = written(columns) + f"\n{sum(columns['size']):.2f},,,".encode()

        assert only(examined_bytes(other, "y"), "totals")["columns"] == ["size"]
        assert "totals" not in [code for code, *_ in codes(examined_bytes(content, "y"))]

    @pytest.mark.parametrize(
        "last",
        [
            "31.03.2025;Total;K41;3;A;17,50",
            "31.03.2025;A1;K41;3;A;17,50",
            "Total AG;A1;K41;3;A;17,50",
            ";;;;;17,50",
            "31.03.2025;;;;;17,50",
            "Summer;;;;;17,50",
            ";;;;;0,00",
        ],
    )
    def test_other_last_rows_are_rows(self, last):
        assert "totals" not in [code for code, *_ in codes(with_last(last))]


def test_a_large_table_is_examined_within_a_second_of_computing():
    import time

    columns = {f"{name}{n}": cells for n in range(4) for name, cells in clean(rows=20_000, seed=n).items()}
    content = written({**columns, "y": columns["y0"]})
    summary = tables.inspect(io.BytesIO(content))
    started = time.process_time()

    doctor.examine(io.BytesIO(content), summary.dialect, summary.columns, "y")

    assert time.process_time() - started < 1
