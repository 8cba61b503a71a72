"""Why a training is refused: before it starts (plan, parameters) or once the rows have been seen."""

from mlplatform.core.errors import InvalidInput


class PlanRefused(InvalidInput):
    """Algorithm, task, columns or share of training rows do not make a training."""

    code = "invalid_training"


class ParametersRefused(InvalidInput):
    """Parameters or grid break the rules of the algorithm; `fields` has a sentence for each of them."""

    code = "invalid_parameters"


class DataRefused(InvalidInput):
    """The plan is fine and these rows cannot be learned from."""

    code = "unsuitable_data"
