"""compose.yaml and the examples in deploy/: complete, and understood by the programs that read them."""

import re
import shutil
import subprocess
import sys
from urllib.parse import urlsplit

import pytest
import yaml

from mlplatform.settings import BASE_DIR
from mlplatform.tests.documents import table_rows, text_of, variables_of_settings

GIVEN = {"DATABASE_URL", "SECRET_KEY", "ALLOWED_HOSTS"}  # compose.yaml decides about these
IN_THE_IMAGE = {"DATA_DIR"}  # the volume
UNITS = ["mlplatform-web.service", "mlplatform-worker@.service"]


VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")


def services(**variables) -> dict:
    """Of compose.yaml, with these variables put in as docker compose would."""

    def value_of(found) -> str:
        name, mark, default = found.groups()
        assert name in variables or mark == "-", f"{name} is needed: {default}"
        return variables.get(name, default)

    return yaml.safe_load(VARIABLE.sub(value_of, text_of("compose.yaml")))["services"]


def variables_of_the_cluster() -> dict[str, str]:
    """Of deploy/cluster.env, and what it takes from the environment."""
    given = {"SECRET_KEY": "secret", "STORAGE_PASSWORD": "password"}
    lines = [line for line in text_of("deploy/cluster.env").splitlines() if line and not line.startswith("#")]
    pairs = (line.split("=", 1) for line in lines)
    return given | {name: VARIABLE.sub(lambda found: given[found[1]], value) for name, value in pairs}


@pytest.mark.parametrize("service", ["prepare", "web", "worker"])
def test_compose_passes_every_setting(service):
    environment = services(SECRET_KEY="secret")[service]["environment"]
    variables = set(table_rows(text_of("README.md"))) | set(variables_of_settings())

    assert set(environment) == variables - IN_THE_IMAGE
    assert {name for name, value in environment.items() if value is not None} == GIVEN


def test_without_a_profile_one_web_server_and_one_worker_start():
    started = {name: it for name, it in services(SECRET_KEY="secret").items() if "profiles" not in it}

    assert set(started) == {"database", "prepare", "web", "worker"}
    assert started["web"]["ports"] == ["127.0.0.1:8000:8000"]
    assert [started[name]["deploy"]["replicas"] for name in ("web", "worker")] == [1, 1]
    assert started["web"]["build"]["args"] == {"REQUIREMENTS": "requirements.txt"}


def test_the_cluster_has_two_of_each_behind_a_proxy_and_files_in_a_bucket():
    variables = variables_of_the_cluster()
    started = services(**variables)

    replicas = {name: it["deploy"]["replicas"] for name, it in started.items() if "deploy" in it}
    assert replicas == {"web": 2, "worker": 2, "dask-worker": 2}
    assert started["web"]["ports"] == ["127.0.0.1:8001-8002:8000"]
    assert started["proxy"]["ports"] == ["127.0.0.1:8000:80"]
    assert urlsplit(variables["AWS_S3_ENDPOINT_URL"]).hostname in started
    assert urlsplit(variables["DASK_SCHEDULER"]).hostname in started
    assert started["bucket"]["entrypoint"].split("/")[-1] == urlsplit(variables["STORAGE_URL"]).netloc
    assert (BASE_DIR / started["web"]["build"]["args"]["REQUIREMENTS"]).exists()


@pytest.mark.parametrize("service", ["worker", "scheduler", "dask-worker"])
def test_the_images_of_the_cluster_have_dask(service):
    build, recipe = services(**variables_of_the_cluster())[service]["build"], text_of("Dockerfile")

    assert re.search(r"^dask\[distributed\]", text_of(build["args"]["REQUIREMENTS"]), re.MULTILINE)
    assert recipe.index("ARG REQUIREMENTS") < recipe.index('-r "$REQUIREMENTS"')


def test_what_a_service_waits_for_is_there_and_so_is_what_it_mounts():
    started = services(**variables_of_the_cluster())

    for name, service in started.items():
        waits_for = service.get("depends_on", [])
        assert set(waits_for) <= set(started), name
        always = [other for other in waits_for if "profiles" in started[other]]
        if "profiles" not in service:  # what the profile adds may be away
            assert all(waits_for[other]["required"] is False for other in always), name
        for volume in service.get("volumes", []):
            assert not volume.startswith("./") or (BASE_DIR / volume.split(":")[0]).exists(), name


def test_only_workers_and_the_storage_are_with_the_dask_cluster_and_it_knows_no_secret():
    started = services(**variables_of_the_cluster())

    on_its_network = {name for name, service in started.items() if "dask" in service.get("networks", [])}
    assert on_its_network == {"worker", "storage", "scheduler", "dask-worker"}
    for name in ("scheduler", "dask-worker"):
        assert started[name]["networks"] == ["dask"]
        given = {variable for variable in started[name]["environment"] if not variable.startswith("DASK_")}
        assert given == {"PYTHONPATH"}


SITES = pytest.mark.parametrize("site", ["nginx.conf", "nginx-cluster.conf"])


@SITES
def test_nginx_lets_through_what_the_web_server_takes(site):
    text = text_of(f"deploy/{site}")
    headers = set(re.findall(r"proxy_set_header ([\w-]+)", text))

    assert {"Host", "X-Forwarded-For", "X-Forwarded-Proto", "X-Request-ID"} <= headers
    assert int(re.search(r"client_max_body_size (\d+)m;", text)[1]) > 50
    assert int(re.search(r"proxy_read_timeout (\d+)s;", text)[1]) > 60


@SITES
def test_nginx_understands_its_example(site, tmp_path):
    text = text_of(f"deploy/{site}").replace("web:8000", "127.0.0.1:8000")
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
    configuration = tmp_path / "site.conf"
    configuration.write_text(text.replace("/etc/letsencrypt/live/example.com", str(tmp_path)))
    whole = tmp_path / "nginx.conf"
    whole.write_text(f"pid {tmp_path}/pid; events {{}} http {{ include {configuration}; }}")

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


def test_systemd_kills_no_migration():
    assert "\nTimeoutStartSec=infinity\n" in text_of("deploy/mlplatform-web.service")
