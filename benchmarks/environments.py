"""An environment of its own for each peer, so that none has to agree with our versions."""

import subprocess
import venv
from pathlib import Path

PEERS = Path(__file__).resolve().parent / "peers"


def environment(folder: Path, name: str) -> Path:
    """The Python of the environment with what `peers/NAME.txt` lists, made anew when that has changed."""
    home, requirements = (folder / "environments" / name).absolute(), PEERS / f"{name}.txt"
    python, installed = home / "bin" / "python", home / "installed.txt"
    if not installed.exists() or installed.read_text() != requirements.read_text():
        venv.create(home, clear=True, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "-r", requirements], check=True)
        installed.write_text(requirements.read_text())
    return python
