"""A fitted pipeline compiled for single predictions, or taken apart for many; the cache of loaded models.

Importing this package loads no numpy, pandas or scikit-learn: that happens when something is first scored.
"""

from mlmodels.learning.scoring.cache import ScorerCache
from mlmodels.learning.scoring.contributions import contributions, typical_row

__all__ = [
    "ScorerCache",
    "compile_pipeline",
    "contributions",
    "pipeline_scorer",
    "table_scorer",
    "typical_row",
    "verify",
]


def compile_pipeline(pipeline, features):
    """A scorer for single rows, or None where there is no exact kernel for this pipeline.

    `pipeline` has the steps "prepare" (ColumnTransformer) and "model"; `features`, each with a `name` and a
    `role`, are the columns of a row in order.
    """
    from mlmodels.learning.scoring.compiler import compile_pipeline

    return compile_pipeline(pipeline, features)


def table_scorer(pipeline, features):
    """For many rows: `outputs` of typed columns by name, numbers or for a classifier probabilities.

    Columns are arrays of floats with NaN for a blank, or `tables.CodedTexts`.
    """
    from mlmodels.learning.scoring.many import TableScorer

    return TableScorer(pipeline, features)


def verify(scorer, pipeline, frame) -> bool:
    """Whether it predicts as the pipeline does on rows of `frame`, also with blanks and unseen values."""
    from mlmodels.learning.scoring.compiler import verify

    return verify(scorer, pipeline, frame)


def pipeline_scorer(pipeline, features):
    """The pipeline itself behind the interface of a scorer: slow and exact."""
    from mlmodels.learning.scoring.scorers import PipelineScorer

    return PipelineScorer(pipeline, features)
