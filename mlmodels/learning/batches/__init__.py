"""A file of rows in, the same file with predictions out: in typed chunks through the pipeline.

    inspect       what a file holds for a model: its columns, the rows that can be read, and why others cannot
    answer_file   writes the answer: the file as it came, with columns appended
    write_unreadable   writes the rows that cannot be read, with the reasons
    TableModel    many typed rows in, what `ServedModel.answer` says of each out

Importing this package loads no numpy, pandas or scikit-learn.
"""

from mlmodels.learning.batches.answer_file import Outcome, answer_file
from mlmodels.learning.batches.inspection import Inspection, Reading, inspect
from mlmodels.learning.batches.table_model import Answers, TableModel
from mlmodels.learning.batches.unreadable import write_unreadable

__all__ = [
    "Answers",
    "Inspection",
    "Outcome",
    "Reading",
    "TableModel",
    "answer_file",
    "inspect",
    "write_unreadable",
]
