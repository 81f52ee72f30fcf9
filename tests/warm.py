"""Start `dvc` and `ratchet` in a tenth of the time: from a process that has done the imports.

    environment["PATH"] = f"{warm.programs()}{os.pathsep}{environment['PATH']}"

`programs()` is a folder with a `dvc` and a `ratchet`. Each hands its arguments, folder, environment
and open files to a server, started once for a test process. The server has imported the libraries,
but nothing of Ratchet; it forks, and the fork runs the command as a process of its own, with the
code that PYTHONPATH leads to. What happens when it ends, and how, happens to the program, too.

What a process takes over from the one that *starts* it isn't taken over: its limits (ulimit), its
process group. And variables that Python and BLAS read as they start (PYTHONHASHSEED,
OMP_NUM_THREADS) are the server's. Tests of those use the installed programs: see COLD.
"""

import atexit
import gc
import marshal
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import NoReturn

# The variables with which a command runs the installed programs.
COLD = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}

_MAINS = {"dvc": "dvc.cli", "ratchet": "ratchet.cli.main"}
# What takes the commands' time to import; none of them reads an environment or opens a file.
_IMPORTS = (
    "boto3",
    "botocore.session",
    "configobj",
    "dulwich.ignore",
    "dulwich.worktree",
    "dvc.cachemgr",
    "dvc.cli.parser",
    "dvc.data_cloud",
    "dvc.dvcfile",
    "dvc.lock",
    "dvc.render.match",
    "dvc.repo.graph",
    "dvc.repo.index",
    "dvc.repo.metrics.show",
    "dvc.repo.open_repo",
    "dvc.repo.plots",
    "dvc.repo.reproduce",
    "dvc.repo.stage",
    "dvc.repo.params.show",
    "dvc.rwlock",
    "dvc.stage.cache",
    "dvc.utils.strictyaml",
    "dvc_data.hashfile.db.index",
    "dvc_data.hashfile.db.local",
    "dvc_data.index.checkout",
    "dvc_data.index.fetch",
    "dvc_data.index.push",
    "dvc_render.vega",
    "dvc_s3",
    "flatten_dict",
    "joblib",
    "narwhals.stable.v2",
    "narwhals._pandas_like.dataframe",
    "networkx",
    "numpy",
    "pandas",
    "pandera.pandas",
    "platformdirs",
    "psutil",
    "pyarrow.csv",
    "pyarrow.dataset",
    "pyarrow.pandas_compat",
    "pyarrow.parquet",
    "pyarrow.substrait",
    "pydantic",
    "pygit2",
    "rich.table",
    "ruamel.yaml",
    "s3fs",
    "scipy.stats",
    "scmrepo.git",
    "skops.io",
    "sklearn.compose",
    "sklearn.ensemble",
    "sklearn.inspection",
    "sklearn.linear_model",
    "sklearn.pipeline",
)

# Isolated and without site-packages, Python starts in a fraction of its usual time.
_PROGRAM = """#!{python} -IS
import marshal, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    socket.send_fds(server, [b"-"], [0, 1, 2])
    server.sendall(marshal.dumps((sys.argv, os.getcwd(), dict(os.environ))))
    code = int(server.recv(16) or 1)
if code < 0:
    os.kill(os.getpid(), -code)
os._exit(code)
"""


@cache
def programs() -> Path:
    """Return the folder that holds `dvc` and `ratchet`; the server lives as long as this process.

    Raises RuntimeError if the server doesn't start.
    """
    folder = tempfile.TemporaryDirectory(prefix="warm")  # short: a socket's path has 100 letters
    address = Path(folder.name) / "socket"
    bin_ = Path(folder.name) / "bin"
    bin_.mkdir()
    for name in _MAINS:
        (bin_ / name).write_text(_PROGRAM.format(python=sys.executable, address=str(address)))
        (bin_ / name).chmod(0o755)
    # Where the commands look for each other: beside the Python that runs them.
    (bin_ / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (bin_ / "python").chmod(0o755)
    # It ends when this process does, however that is: nobody holds its input open any more.
    server = subprocess.Popen(
        [sys.executable, __file__, str(address)],
        env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "OMP_NUM_THREADS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for the programs
    )
    if not server.stdout or not server.stdout.readline():
        raise RuntimeError(f"{__file__}: the server ended with {server.wait()} as it started")

    def stop() -> None:
        server.communicate()
        folder.cleanup()

    atexit.register(stop)
    return bin_


def _serve(address: str) -> None:
    """Run a command for each program that calls, until the input ends."""
    del sys.path[0]  # the tests' own modules
    for name in _IMPORTS:
        import_module(name)
    gc.freeze()  # what forks only read stays shared
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(16)
        print("ready", flush=True)
        while 0 not in select.select([listener, 0], [], [])[0]:
            _bury()
            caller, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                _attend(caller)
            caller.close()


def _bury() -> None:
    """Let go of the forks that have ended."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _attend(caller: socket.socket) -> NoReturn:
    """Run the caller's command in a fork of this fork, and tell the caller its exit code."""
    _, files, _, _ = socket.recv_fds(caller, 1, 3)
    with caller.makefile("rb") as request:
        arguments, folder, environment = marshal.load(request)
    command = os.fork()
    if command == 0:
        caller.close()
        _become(files, arguments, folder, environment)
    for file in (0, 1, 2, *files):
        os.close(file)  # who reads the command's output waits until nobody can write to it

    def end_with_the_caller() -> None:
        caller.recv(1)  # it sends nothing more
        with suppress(ProcessLookupError):
            os.kill(command, signal.SIGKILL)

    threading.Thread(target=end_with_the_caller, daemon=True).start()
    _, status = os.waitpid(command, 0)
    with suppress(BrokenPipeError):
        caller.sendall(str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _become(
    files: list[int], arguments: list[str], folder: str, environment: dict[str, str]
) -> NoReturn:
    """Be the command, as if this process had been started for it."""
    for target, file in enumerate(files):
        os.dup2(file, target)
        os.close(file)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv, sys.executable = arguments, str(Path(arguments[0]).with_name("python"))
    sys.dont_write_bytecode = bool(environment.get("PYTHONDONTWRITEBYTECODE"))
    sys.path[:0] = filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))
    code = 1
    try:
        code = import_module(_MAINS[Path(arguments[0]).name]).main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    # As Python ends, but for taking a quarter of a gigabyte of libraries apart.
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    os._exit(code)


if __name__ == "__main__":
    _serve(sys.argv[1])
