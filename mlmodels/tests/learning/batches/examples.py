"""Models to send files to, each trained on a small file of its own."""

import functools
import io
import random
from dataclasses import dataclass

from mlmodels.learning import batches, tables, trainers
from mlmodels.learning.serving import ModelFacts, ServedModel

HEADER = ["area", "rooms", "sold_on", "balcony", "place", "note"]


@dataclass(frozen=True)
class Example:
    """One model as it is asked for single rows, and as it is asked for many."""

    one: ServedModel
    many: batches.TableModel
    columns: list[dict]


def table_of_houses(separator: str = ";", rows: int = 240) -> bytes:
    """Numbers with decimal commas, dates, yes/no, categories with blanks, and a target of each kind."""
    draw = random.Random(3)
    lines = [separator.join([*HEADER, "price", "sold", "class"])]
    for number in range(rows):
        area, rooms = draw.uniform(20, 200), draw.randint(1, 6)
        day, month, year = draw.randint(1, 28), draw.randint(1, 12), draw.randint(2019, 2024)
        place = draw.choice(["Mitte", "Nord", "Süd, am See", ""])
        price = 1000 * area + 5000 * rooms + 300 * month + 20_000 * (place == "Mitte") + draw.gauss(0, 9000)
        cells = [
            f"{area:.2f}".replace(".", ","),
            "" if number % 11 == 0 else str(rooms),
            f"{day:02}.{month:02}.{year}",
            draw.choice(["ja", "nein"]),
            place,
            f"{draw.choice(['sonnig', 'ruhig', 'hell'])} {draw.choice(['Altbau', 'Neubau'])}",
            f"{price:.2f}".replace(".", ","),
            "yes" if price > 130_000 else "no",
            str(int(price // 90_000)),
        ]
        lines.append(separator.join(cells))
    return "\n".join(lines).encode()


@functools.cache
def example(target: str, algorithm: str) -> Example:
    file = io.BytesIO(table_of_houses())
    summary = tables.inspect(file)
    columns = [column for column in summary.columns if column.name in HEADER]
    wanted = next(column for column in summary.columns if column.name == target)
    task = "regression" if target == "price" else "classification"
    frame = tables.read(file, summary.dialect, [*columns, wanted])
    labels = tables.target_values(wanted, frame.pop(target), task)
    derived = tuple(made.to_dict() for made in tables.date_parts(columns))
    features = tuple(trainers.Feature(column.name, column.role) for column in columns)
    plan = trainers.TrainingPlan(algorithm, task, features, target, derived=derived)
    result = trainers.train(frame[labels.keep], labels.values, plan)
    facts = ModelFacts(
        columns=[column.to_dict() for column in columns],
        seen=result.features,
        derived=result.derived,
        is_compiled=True,
        reliability=result.report.get("reliability"),
        threshold_label=(result.report.get("thresholds") or {}).get("label"),
    )
    return Example(
        ServedModel(result.pipeline, facts), batches.TableModel(result.pipeline, facts), facts.columns
    )
