import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from config import startup


def test_only_instance_second_start_on_the_same_data_is_refused(tmp_path: Path) -> None:
    # The lock belongs to a process, so the second start has to be one of its own.
    second = (
        "import sys, pathlib; from config import startup\n"
        "try:\n    startup.only_instance(pathlib.Path(sys.argv[1])).__enter__()\n"
        "except startup.StartError as error:\n    print(error)"
    )
    with startup.only_instance(tmp_path / "var"):
        output = subprocess.check_output([sys.executable, "-c", second, str(tmp_path / "var")], text=True)
    assert f"already runs on {tmp_path / 'var'} (process {os.getpid()})" in output


def test_only_instance_after_a_killed_one_starts(tmp_path: Path) -> None:
    (tmp_path / "up.lock").write_text("4194300\n")
    with startup.only_instance(tmp_path):
        assert (tmp_path / "up.lock").read_text().strip() == str(os.getpid())


def test_port_taken_names_the_variable_and_another_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(startup.StartError, match=f"Port {port} is taken.*make run COUPLET_PORT={port + 1}"):
            startup.require_free_ports({"COUPLET_PORT": ("127.0.0.1", port)})


def test_port_free_is_accepted() -> None:
    with socket.create_server(("127.0.0.1", 0)) as briefly:
        port = briefly.getsockname()[1]
    startup.require_free_ports({"COUPLET_PORT": ("127.0.0.1", port)})


def test_leftovers_of_this_data_directory_are_ended_and_no_others(tmp_path: Path) -> None:
    ours, theirs = (
        subprocess.Popen(
            [sys.executable, "-c", "import time; time.sleep(600)"], env={**os.environ, startup.MARK: str(directory)}
        )
        for directory in (tmp_path, tmp_path.parent)
    )
    try:
        startup.end_leftovers(tmp_path)
        assert ours.poll() is not None
        assert theirs.poll() is None
    finally:
        theirs.kill()
        theirs.wait()
