"""compose.yaml and the examples in deploy/: complete, and understood by the programs that read them."""

import re
import shutil
import subprocess
import sys

import pytest
import yaml

from mlplatform.settings import BASE_DIR
from mlplatform.tests.test_documents import table_rows, text_of, variables_of_settings

GIVEN = {"DATABASE_URL", "SECRET_KEY", "ALLOWED_HOSTS"}  # compose.yaml decides about these
IN_THE_IMAGE = {"DATA_DIR"}  # the volume
UNITS = ["mlplatform-web.service", "mlplatform-worker@.service"]


@pytest.mark.parametrize("service", ["web", "worker"])
def test_compose_passes_every_setting(service):
    environment = yaml.safe_load(text_of("compose.yaml"))["services"][service]["environment"]
    variables = set(table_rows(text_of("README.md"))) | set(variables_of_settings())

    assert set(environment) == variables - IN_THE_IMAGE
    assert {name for name, value in environment.items() if value is not None} == GIVEN


def test_nginx_lets_through_what_the_web_server_takes():
    text = text_of("deploy/nginx.conf")
    headers = set(re.findall(r"proxy_set_header ([\w-]+)", text))

    assert {"Host", "X-Forwarded-For", "X-Forwarded-Proto", "X-Request-ID"} <= headers
    assert int(re.search(r"client_max_body_size (\d+)m;", text)[1]) > 50
    assert int(re.search(r"proxy_read_timeout (\d+)s;", text)[1]) > 60


def test_nginx_understands_its_example(tmp_path):
    text = text_of("deploy/nginx.conf")
    if not shutil.which("nginx"):
        without_comments = re.sub(r"#.*", "", text)
        statements = [part.strip() for part in re.split(r"(?<=[;{}])", without_comments) if part.strip()]
        assert all(re.search(r"[;{}]$", statement) for statement in statements)
        assert text.count("{") == text.count("}")
        return
    certificate, key = tmp_path / "fullchain.pem", tmp_path / "privkey.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-nodes", "-newkey", "rsa:2048", "-subj", "/CN=example.com",
         "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    site = tmp_path / "site.conf"
    site.write_text(text.replace("/etc/letsencrypt/live/example.com", str(tmp_path)))
    whole = tmp_path / "nginx.conf"
    whole.write_text(f"pid {tmp_path}/pid; events {{}} http {{ include {site}; }}")

    checked = subprocess.run(["nginx", "-t", "-c", whole], capture_output=True, text=True)

    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("unit", UNITS)
def test_systemd_understands_its_examples(unit, tmp_path):
    text = text_of(f"deploy/{unit}")
    sections = re.findall(r"^\[(\w+)\]$", text, re.MULTILINE)
    assert sections == ["Unit", "Service", "Install"]
    assert all(re.match(r"[A-Z]\w+=\S", line) for line in text.splitlines() if line and line[0] not in "#[")
    if not shutil.which("systemd-analyze"):
        return
    here = text.replace("/srv/mlplatform/.venv/bin/python", sys.executable).replace("postgresql.service", "")
    (tmp_path / unit.replace("@", "@1")).write_text(here)

    checked = subprocess.run(
        ["systemd-analyze", "verify", tmp_path / unit.replace("@", "@1")], capture_output=True, text=True
    )

    assert unit not in checked.stderr.replace("@1", "@"), checked.stderr


@pytest.mark.parametrize("unit", UNITS)
def test_the_commands_of_the_units_are_ours(unit):
    commands = re.findall(r"^ExecStart(?:Pre)?=(\S+) (.+)$", text_of(f"deploy/{unit}"), re.MULTILINE)

    assert commands
    for _, arguments in commands:
        program = re.match(r"manage\.py (\w+)|-m ([\w.]+)", arguments)
        places = [f"**/commands/{program[1]}.py"] if program[1] else [program[2].replace(".", "/") + ".py"]
        assert list(BASE_DIR.glob(places[0]))
