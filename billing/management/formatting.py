import argparse

from django.core.management.base import DjangoHelpFormatter


class KeepLines(DjangoHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Prints the text under the options as it is written, such as a table of exit codes."""
