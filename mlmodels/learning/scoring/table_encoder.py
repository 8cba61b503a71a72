"""The `ColumnTransformer` of a pipeline for many rows: whole columns, without a DataFrame."""

from collections.abc import Sequence

import numpy as np

from mlmodels.learning.scoring.encoder import CategoryCode, RowEncoder, SplineCode, dense
from mlmodels.learning.tables.typed import CodedTexts

Column = np.ndarray | CodedTexts


class TableEncoder:
    """Columns are in the order of the features: numbers with NaN for a blank, or texts."""

    def __init__(self, row_encoder: RowEncoder):
        self._encoder = row_encoder
        self._categories = [(code, positions_of(code)) for code in row_encoder.categories]
        self.width = len(row_encoder.unknown)

    def matrix(self, columns: Sequence[Column]) -> np.ndarray:
        """What the model takes, shape (rows, width)."""
        encoder = self._encoder
        matrix = np.empty((self.width, row_count(columns)))
        matrix[:] = encoder.unknown[:, np.newaxis]
        for index, position, fill, mean, scale in encoder.numbers:
            matrix[position] = scaled(columns[index], fill, mean, scale)
        for index, position, fill, low, high, mean, scale in encoder.clipped:
            matrix[position] = (np.clip(filled(columns[index], fill), low, high) - mean) / scale
        for spline in encoder.splines:
            numbers = filled(columns[spline.index], spline.fill)
            for at, values in enumerate(values_at_knots(spline)):
                matrix[spline.first + at] = np.interp(numbers, spline.knots, values)
        for index, position, present, missing in encoder.missing:
            matrix[position] = np.where(np.isnan(columns[index]), missing, present)
        for code, positions in self._categories:
            values, codes = self._values(code, positions, columns[code.index])
            matrix[positions] = values.T[:, codes]
        for index, place, transformer in encoder.texts:
            texts, codes = columns[index]
            matrix[place] = dense(transformer.transform(texts)).T[:, codes]
        return matrix.T

    def sums(self, columns: Sequence[Column], weights: np.ndarray) -> np.ndarray:
        """The matrix times weights of shape (width, outputs), without the matrix: wide where categories are
        many."""
        encoder = self._encoder
        total = np.zeros((row_count(columns), weights.shape[1]))
        for index, position, fill, mean, scale in encoder.numbers:
            total += np.multiply.outer(scaled(columns[index], fill, mean, scale), weights[position])
        for index, position, fill, low, high, mean, scale in encoder.clipped:
            clipped = np.clip(filled(columns[index], fill), low, high)
            total += np.multiply.outer((clipped - mean) / scale, weights[position])
        for spline in encoder.splines:
            numbers, values = filled(columns[spline.index], spline.fill), values_at_knots(spline)
            at_knots = values.T @ weights[spline.first : spline.first + len(values)]
            for output in range(weights.shape[1]):
                total[:, output] += np.interp(numbers, spline.knots, at_knots[:, output])
        for index, position, present, missing in encoder.missing:
            flags = np.where(np.isnan(columns[index]), missing, present)
            total += np.multiply.outer(flags, weights[position])
        for code, positions in self._categories:
            values, codes = self._values(code, positions, columns[code.index])
            total += (values @ weights[positions])[codes]
        for index, place, transformer in encoder.texts:
            texts, codes = columns[index]
            total += np.asarray(transformer.transform(texts) @ weights[place])[codes]
        return total

    def _values(self, code: CategoryCode, positions: list[int], column: Column) -> tuple:
        """What each different category writes to the positions, and which of them each row has."""
        if isinstance(column, CodedTexts):
            categories, codes = column
        else:
            numbers, codes = np.unique(column, return_inverse=True)
            categories = [number if number == number else None for number in numbers.tolist()]
        values = np.tile(self._encoder.unknown[positions], (len(categories), 1))
        column_of = {position: at for at, position in enumerate(positions)}
        for row, category in enumerate(categories):
            for position, value in code.writes.get(category, ()):
                values[row, column_of[position]] = value
        return values, codes


class StackedTableEncoder(TableEncoder):
    """Of a stacked model: what its base models predict is a part of its matrix."""

    def __init__(self, row_encoder: RowEncoder, base_models: list[tuple[slice, list]]):
        super().__init__(row_encoder)
        self._base_models = base_models

    def matrix(self, columns: Sequence[Column]) -> np.ndarray:
        matrix = super().matrix(columns)
        for place, models in self._base_models:
            matrix[:, place] = np.column_stack([model.outputs(columns) for model in models])
        return matrix

    def sums(self, columns: Sequence[Column], weights: np.ndarray) -> np.ndarray:
        return self.matrix(columns) @ weights


def positions_of(code: CategoryCode) -> list[int]:
    return sorted({position for pairs in code.writes.values() for position, _ in pairs})


def row_count(columns: Sequence[Column]) -> int:
    column = columns[0]
    return len(column.codes if isinstance(column, CodedTexts) else column)


def part(column: Column, rows: slice) -> Column:
    return column._replace(codes=column.codes[rows]) if isinstance(column, CodedTexts) else column[rows]


def joined(parts: Sequence[Column]) -> Column:
    """One column out of parts that follow each other. A text of several parts has a code for each of them."""
    if len(parts) == 1:
        return parts[0]
    if not isinstance(parts[0], CodedTexts):
        return np.concatenate(parts)
    firsts = np.cumsum([0, *(len(part.texts) for part in parts)])
    codes = np.concatenate([part.codes + first for part, first in zip(parts, firsts, strict=False)])
    return CodedTexts([text for part in parts for text in part.texts], codes)


def as_array(column: Column) -> np.ndarray:
    return column.to_array() if isinstance(column, CodedTexts) else column


def scaled(numbers: np.ndarray, fill: float, mean: float, scale: float) -> np.ndarray:
    return (filled(numbers, fill) - mean) / scale


def filled(numbers: np.ndarray, fill: float) -> np.ndarray:
    return np.where(np.isnan(numbers), fill, numbers)


def values_at_knots(spline: SplineCode) -> np.ndarray:
    """What is written to each position, by row, at each knot; between knots it lies on straight lines."""
    nearness = np.eye(len(spline.knots))[:-1]
    return (nearness - np.transpose([spline.means])) / np.transpose([spline.scales])
