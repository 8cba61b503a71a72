"""What a new process imports: the tests' own has long imported everything."""

import os
import subprocess
import sys
from collections.abc import Collection

from mlplatform.tests.installation import PROJECT
from mlplatform.tests.processes import PATIENCE_SECONDS

LEARNING_LIBRARIES = ("joblib", "numpy", "pandas", "scipy", "sklearn")


def imported_by(code: str, packages: Collection[str], **environment: str) -> set[str]:
    """Those of the packages that a new process has imported after it has run the code."""
    program = f"{code}\nimport sys; print(*({set(packages)} & sys.modules.keys()))"
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | environment,
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
    assert ended.returncode == 0, ended.stderr
    return set(ended.stdout.splitlines()[-1].split())
