"""Why a training run is refused: before it starts (plan, parameters) or once the rows are read."""

from mlplatform.core.errors import InvalidInput


class PlanRefused(InvalidInput):
    """Algorithm, task, columns or share of training rows do not make a training run."""

    code = "invalid_training"


class ParametersRefused(InvalidInput):
    """Parameters or grid break the rules of the algorithm; `fields` has a sentence for each of them."""

    code = "invalid_parameters"


class DataRefused(InvalidInput):
    """The plan is valid, but no model can be trained on these rows."""

    code = "unsuitable_data"
