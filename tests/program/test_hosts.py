"""Two hosts that train as one: two network namespaces, joined by a cable of their own."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from test_processes import ROOT, _command, torchrun

PORT = 29_500


class Host(NamedTuple):
    """A namespace, its end of the cable and its address there."""

    name: str
    cable: str
    address: str

    def inside(self, *command: str) -> list[str]:
        """A command that runs on this host."""
        return ["ip", "netns", "exec", self.name, *command]

    def received(self) -> int:
        """Bytes that came in over the cable."""
        counter = f"/sys/class/net/{self.cable}/statistics/rx_bytes"
        return int(_told(*self.inside("cat", counter)))


def _told(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    assert not done.returncode, f"{' '.join(command)}: {done.stderr}"
    return done.stdout


@pytest.fixture
def hosts() -> Iterator[tuple[Host, Host]]:
    """Two hosts that reach each other and nothing else."""
    if not shutil.which("ip"):
        pytest.skip("no iproute2: install it (apt-get install iproute2)")
    mine = os.getpid() % 100_000
    pair = tuple(Host(f"host-{s}-{mine}", f"v{s}{mine}", f"10.77.0.{s}") for s in (1, 2))
    first, second = pair
    try:
        made = subprocess.run(
            ["ip", "netns", "add", first.name], capture_output=True, text=True
        )
        if made.returncode:
            pytest.skip(f"no network namespaces may be made here: {made.stderr.strip()}")
        _told("ip", "netns", "add", second.name)
        ends = f"{first.cable} netns {first.name}", f"{second.cable} netns {second.name}"
        _told(*f"ip link add {ends[0]} type veth peer name {ends[1]}".split())
        for host in pair:
            ip = "ip", "-n", host.name
            _told(*ip, *f"addr add {host.address}/24 dev {host.cable}".split())
            for link in ("lo", host.cable):
                _told(*ip, "link", "set", link, "up")
        yield first, second
    finally:
        for host in pair:  # the cable goes with its ends
            subprocess.run(["ip", "netns", "del", host.name], capture_output=True)


def started(host: Host, first: Host, command: list[str]) -> subprocess.Popen[str]:
    """The command that the page has for several hosts, on one of them."""
    rendezvous = ["--rdzv-backend", "c10d", "--rdzv-endpoint", f"{first.address}:{PORT}"]
    here = ["--local-addr", host.address]
    if host is first:
        here += ["--rdzv-conf", "is_host=1"]
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nnodes", "2"]
    return subprocess.Popen(
        host.inside(*torchrun, "--nproc-per-node", "1", *rendezvous, *here, *command),
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": host.cable},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def trained(hosts: tuple[Host, Host], command: list[str]) -> list[str]:
    """What both hosts said of a training that came to its end."""
    processes = [started(host, hosts[0], command) for host in hosts]
    said = [process.communicate(timeout=400)[0] for process in processes]
    for process, text in zip(processes, said, strict=True):
        assert not process.returncode, text
    return said


def weights(out: Path) -> dict[str, torch.Tensor]:
    return torch.load(out / "training.pt", weights_only=True)["model"]


@pytest.fixture(scope="module")
def wanted(files, tmp_path_factory) -> dict[str, torch.Tensor]:
    """The weights of two processes on one machine, which nobody stopped."""
    out = tmp_path_factory.mktemp("one") / "out"
    process = torchrun(2, *_command(files, out))
    text, _ = process.communicate(timeout=400)
    assert not process.returncode, text
    return weights(out)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_hosts_train_what_two_processes_of_one_train(hosts, files, wanted, tmp_path):
    before = [host.received() for host in hosts]
    trained(hosts, _command(files, tmp_path / "out"))
    found = weights(tmp_path / "out")
    for name, value in wanted.items():
        assert torch.equal(value, found[name]), name
    size = sum(4 * value.numel() for value in found.values())
    for host, earlier in zip(hosts, before, strict=True):
        assert host.received() - earlier > 40 * size  # a gradient for every update


@pytest.mark.weekly
@pytest.mark.timeout(900)
def test_one_of_two_hosts_is_lost_and_the_command_goes_on(hosts, files, wanted, tmp_path):
    out = tmp_path / "out"
    command = _command(files, out)
    processes = [started(host, hosts[0], command) for host in hosts]
    while processes[0].poll() is None and not (out / "training.pt").exists():
        time.sleep(0.05)
    for pid in _told("ip", "netns", "pids", hosts[1].name).split():
        os.kill(int(pid), signal.SIGKILL)
    for process in processes:
        process.communicate(timeout=400)
        assert process.returncode
    state = torch.load(out / "training.pt", weights_only=True)
    assert 0 < len(state["history"]["losses"]) < 40
    assert any("Going on after update" in text for text in trained(hosts, command))
    for name, value in wanted.items():
        assert torch.equal(value, weights(out)[name]), name
