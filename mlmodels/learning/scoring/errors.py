"""Why a pipeline cannot be compiled."""


class NoExactKernel(Exception):
    """A part of the pipeline that no kernel reproduces exactly; the pipeline itself has to serve."""
