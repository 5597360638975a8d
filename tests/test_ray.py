"""The same bytes from this process, from Ray with one and with two workers, and from two Ray nodes (`make ray` first)."""

import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress

import psutil
import pytest

from conftest import lay_out

pytestmark = pytest.mark.ray
pytest.importorskip("ray", reason="Ray is not installed: `make ray`")

STAGES = ("ingest", "embed", "entities", "classify")  # what a cluster does
RAY = [sys.executable, "-m", "ray.scripts.scripts"]
ENVIRONMENT = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "token"}


def stage(name, project):
    command = [sys.executable, "-m", f"collabnlp.stages.{name}"]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, env=ENVIRONMENT)


def outputs(project):
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted((project / "outputs").glob("*.parquet"))
    }


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """A small project, worked on by the real encoder in one process."""
    project = tmp_path_factory.mktemp("here")
    lay_out(project)
    params = project / "params.yaml"
    params.write_text(params.read_text().replace("    seconds: 0", "    seconds: 300"))
    for name in ("ingest", "embed", "names", "entities", "train", "classify"):
        done = stage(name, project)
        assert done.returncode == 0, done.stderr
    return project


@pytest.fixture
def there(here, tmp_path):
    """Make of the project one that a cluster is to work on from nothing."""

    def make(**ray):
        shutil.copytree(here, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".cache", "outputs"))
        (tmp_path / "outputs").mkdir()
        params = tmp_path / "params.yaml"
        text = params.read_text().replace("engine: local", "engine: ray")
        for name, value in ray.items():
            line = next(line for line in text.splitlines() if line.startswith(f"  {name}:"))
            text = text.replace(line, f"  {name}: {value}", 1)
        params.write_text(text)
        return tmp_path

    return make


def work_through(project, here):
    for name in STAGES:
        done = stage(name, project)
        assert done.returncode == 0, done.stderr
    expected = outputs(here)
    assert outputs(project) == {name: expected[name] for name in outputs(project)}
    assert {"passages.parquet", "embeddings.parquet", "mentions.parquet", "tags.parquet"} <= set(outputs(project))
    assert not list((project / ".cache").rglob("ray/*"))


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_give_the_bytes_of_one_process(here, there, workers):
    work_through(there(workers=workers), here)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def nodes(tmp_path_factory):
    """Two Ray nodes on this machine; gives the head's address and the processes of both."""
    # paths of sockets must be short
    folder = tempfile.mkdtemp(prefix="ray", dir="/tmp")
    subprocess.run([*RAY, "get-auth-token", "--generate"], env=ENVIRONMENT, stdout=subprocess.DEVNULL, check=True)
    address = f"127.0.0.1:{free_port()}"
    common = ["--block", "--node-ip-address=127.0.0.1", "--num-cpus=1", "--object-store-memory=100000000"]
    kinds = [
        ["--head", f"--port={address.split(':')[1]}", "--include-dashboard=false", f"--temp-dir={folder}"],
        [f"--address={address}"],
    ]
    started = []
    for kind in kinds:
        started.append(
            subprocess.Popen(
                [*RAY, "start", *kind, *common], env=ENVIRONMENT, stdout=subprocess.DEVNULL, start_new_session=True
            )
        )
        wait_for_nodes(address, len(started))
    yield address, started
    for process in started[::-1]:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    shutil.rmtree(folder, ignore_errors=True)


def wait_for_nodes(address, n):
    """Until so many nodes answer."""
    ask = f"import ray; ray.init('{address}', log_to_driver=False); print(sum(node['Alive'] for node in ray.nodes()))"
    for _ in range(30):
        found = subprocess.run([sys.executable, "-c", ask], env=ENVIRONMENT, capture_output=True, text=True)
        if found.stdout.strip() == str(n):
            return
    pytest.fail(f"{n} Ray nodes do not come up: {found.stderr[-500:]}")


def test_two_nodes_give_the_bytes_of_one_process(here, there, nodes):
    work_through(there(address=nodes[0], workers=2), here)


def begin(name, project):
    return subprocess.Popen(
        [sys.executable, "-m", f"collabnlp.stages.{name}"],
        cwd=project, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT,
    )  # fmt: skip


def wait_for_worker():
    """The first process that works for a stage, once it is there."""
    for _ in range(1200):
        for process in psutil.process_iter(["cmdline"]):
            if (process.info["cmdline"] or [""])[0].startswith("ray::MapWorker"):
                return process
        time.sleep(0.1)
    pytest.fail("no worker comes up")


def test_a_worker_that_is_killed_costs_nothing(here, there, nodes):
    project = there(address=nodes[0], workers=2)
    done = stage("ingest", project)
    assert done.returncode == 0, done.stderr
    running = begin("embed", project)
    wait_for_worker().kill()
    _, said = running.communicate(timeout=400)
    assert running.returncode == 0, said
    expected = outputs(here)
    assert outputs(project) == {name: expected[name] for name in outputs(project)}
    assert "embeddings.parquet" in outputs(project)


def test_a_head_that_is_killed_ends_the_stage_and_leaves_what_was_there(here, there, nodes):
    project = there(address=nodes[0], workers=2)
    done = stage("ingest", project)
    assert done.returncode == 0, done.stderr
    before = outputs(project)
    running = begin("embed", project)
    wait_for_worker()
    for process in nodes[1]:
        os.killpg(process.pid, signal.SIGKILL)
    _, said = running.communicate(timeout=400)
    assert running.returncode not in (0, None), said
    assert outputs(project) == before
    params = project / "params.yaml"
    params.write_text(params.read_text().replace("engine: ray", "engine: local"))
    done = stage("embed", project)
    assert done.returncode == 0, done.stderr
    assert outputs(project)["embeddings.parquet"] == outputs(here)["embeddings.parquet"]
