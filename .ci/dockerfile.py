"""Follow a Dockerfile without Docker, and start what it has made.

    python .ci/dockerfile.py examples/docker/Dockerfile

Its steps run on this machine, in a temporary folder that takes the place of ROOT. What
the image is FROM is this machine with its `python3`. If root runs this, commands after
USER run as that user; otherwise as the same user, who then can only read ROOT. At last
the command is started, and asked for its health on the loopback.
"""

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

# What a container would not have of this machine.
LEFT_OUT = re.compile("PYTHON|NUMBA|VIRTUAL_ENV|SKGD|UVICORN|XDG")


def instructions(path):
    """Yield the instructions of a Dockerfile: names, and their arguments as text."""
    text = re.sub(r"^\s*#.*\n", "", path.read_text(), flags=re.MULTILINE)
    for line in text.replace("\\\n", " ").splitlines():
        if line.strip():
            name, arguments = line.split(maxsplit=1)
            yield name, arguments


def let_write(root, allowed):
    """Give, or take away, the right to write to all that is in a folder."""
    for path in [root, *root.rglob("*")]:
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | 0o200 if allowed else mode & ~0o222)


def common_path():
    """The folders of PATH; for root, those that other users can reach."""
    if os.geteuid() != 0:
        return os.environ["PATH"]
    folders = [Path(each) for each in os.environ["PATH"].split(":")]
    reached = [
        str(folder)
        for folder in folders
        if all(
            each.exists() and each.stat().st_mode & 1
            for each in [folder, *folder.parents]
        )
    ]
    return ":".join(reached)


class Container:
    """What the instructions so far have made; each has a method of its name."""

    def __init__(self, root):
        self.root = root
        self.machine = {k: v for k, v in os.environ.items() if not LEFT_OUT.match(k)}
        self.variables = {"ROOT": str(root), "PATH": common_path()}
        self.folder, self.user = root, {}
        self.command = None

    def follow(self, name, arguments):
        """Do what an instruction says."""
        if name != "RUN":
            arguments = re.sub(
                r"\$(\w+)", lambda match: self.variables[match[1]], arguments
            )
        getattr(self, f"_{name.lower()}")(arguments)

    def start(self, command, **variables):
        """Start a command, as the present user in the present folder."""
        environment = self.machine | self.variables | variables
        return subprocess.Popen(command, env=environment, cwd=self.folder, **self.user)

    def _from(self, image):
        pass

    def _arg(self, default):
        pass

    def _expose(self, port):
        pass

    def _env(self, assignments):
        self.variables |= dict(each.split("=", 1) for each in shlex.split(assignments))

    def _copy(self, paths):
        *sources, target = paths.split()
        for source in map(Path, sources):
            if source.is_dir():
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(source, target, ignore=ignored)
            else:
                Path(target).mkdir(parents=True, exist_ok=True)
                shutil.copy(source, target)

    def _workdir(self, folder):
        self.folder = Path(folder)

    def _run(self, command):
        print(f"-- {command}", flush=True)
        started = time.perf_counter()
        if self.start(["sh", "-c", command]).wait():
            sys.exit(f"failed: {command}")
        print(f"   {time.perf_counter() - started:.1f} s", flush=True)

    def _user(self, numbers):
        self.machine = {}
        if os.geteuid() == 0:
            user, group = map(int, numbers.split(":"))
            self.user = {"user": user, "group": group, "extra_groups": []}
        else:
            let_write(self.root, False)

    def _cmd(self, command):
        self.command = json.loads(command)


def check_health(container):
    """Start the container's command; return what it says of its health."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    process = container.start(
        container.command, UVICORN_HOST="127.0.0.1", UVICORN_PORT=port
    )
    without_proxy = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        for _ in range(300):
            try:
                url = f"http://127.0.0.1:{port}/health"
                with without_proxy.open(url) as answer:
                    return answer.read().decode()
            except OSError:
                if process.poll() is not None:
                    sys.exit(f"{container.command} has ended.")
                time.sleep(0.1)
        sys.exit(f"{container.command} does not answer.")
    finally:
        process.terminate()
        process.wait()


def main():
    """Follow the Dockerfile of the command line."""
    os.umask(0o022)  # others may read
    root = Path(tempfile.mkdtemp())
    root.chmod(0o755)
    try:
        container = Container(root)
        for name, arguments in instructions(Path(sys.argv[1])):
            container.follow(name, arguments)
        print(check_health(container))
    finally:
        let_write(root, True)
        shutil.rmtree(root)


if __name__ == "__main__":
    main()
