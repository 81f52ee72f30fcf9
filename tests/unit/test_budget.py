import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import psutil
import pytest

from ratchet.budget import within
from ratchet.errors import ConfigError

START = """
import os, signal, subprocess, sys, time
from pathlib import Path
from ratchet.budget import within
from ratchet.errors import ConfigError
"""


def run(body, *arguments):
    """Run `body` in a process of its own; the time-out only ends a test that would hang."""
    return subprocess.run(
        [sys.executable, "-c", START + textwrap.dedent(body), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_sleep_beyond_the_time():
    done = run("""
        try:
            with within(max_seconds=0.2):
                time.sleep(3600)
        except ConfigError as error:
            print(error)
    """)
    assert "params.yaml: train.budget.max_seconds is 0.20 s" in done.stdout
    assert "raise the limit, shrink window.train" in done.stdout


def test_sigint_ignored_as_in_a_background_job():
    done = run("""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            with within(max_seconds=0.2):
                time.sleep(3600)
        except ConfigError as error:
            print(error)
    """)
    assert "max_seconds" in done.stdout


def test_code_that_catches_every_exception_is_ended_too():
    done = run("""
        try:
            with within(max_seconds=0.2):
                while True:
                    try:
                        time.sleep(3600)
                    except Exception:
                        continue
        except ConfigError as error:
            print(error)
    """)
    assert "max_seconds" in done.stdout


def test_memory_of_the_process():
    done = run("""
        held = []
        try:
            with within(max_memory_mb=300):
                while True:
                    held.append(bytearray(os.urandom(1) * 5_000_000))
                    time.sleep(0.005)
        except ConfigError as error:
            print(error)
    """)
    assert "train.budget.max_memory_mb is 300.00 MB" in done.stdout


def test_memory_of_a_child():
    done = run("""
        grow = "import os, time; held = os.urandom(1) * 400_000_000; time.sleep(3600)"
        child = subprocess.Popen([sys.executable, "-c", grow])
        try:
            with within(max_memory_mb=300):
                child.wait()
        except ConfigError as error:
            print(error)
        finally:
            child.kill()
    """)
    assert "train.budget.max_memory_mb is 300.00 MB" in done.stdout


def test_a_forest_on_two_threads():
    done = run("""
        import joblib
        import numpy as np
        from sklearn.ensemble import RandomForestClassifier
        X = np.random.default_rng(0).normal(size=(20_000, 10))
        y = (X[:, 0] > 0).astype(int)
        try:
            with within(max_seconds=1), joblib.parallel_config(backend="threading", n_jobs=2):
                RandomForestClassifier(n_estimators=1_000_000).fit(X, y)
        except ConfigError as error:
            print(error)
    """)
    assert "max_seconds" in done.stdout, done.stderr


def test_c_code_that_does_not_react_ends_the_process_and_its_children(tmp_path):
    target = tmp_path / "model.skops"
    target.write_text("the old model")
    done = run(
        """
        import hashlib
        from ratchet.files import atomic_write
        child = subprocess.Popen(["sleep", "3600"], stdout=subprocess.DEVNULL)
        print(child.pid, flush=True)
        with within(max_seconds=0.2, grace=0.2):
            with atomic_write(Path(sys.argv[1])) as partial:
                partial.write_text("half a mod")
                hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)
        """,
        target,
    )
    assert done.returncode == 2
    assert "ratchet: params.yaml: train.budget.max_seconds is 0.20 s" in done.stderr
    assert not psutil.pid_exists(int(done.stdout)) or (
        psutil.Process(int(done.stdout)).status() == psutil.STATUS_ZOMBIE
    )
    assert target.read_text() == "the old model"


def test_ctrl_c_stays_ctrl_c():
    done = run("""
        signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background
        try:
            with within(max_seconds=3600):
                signal.raise_signal(signal.SIGINT)
                time.sleep(3600)
        except KeyboardInterrupt:
            print("interrupted")
    """)
    assert done.stdout == "interrupted\n"


def test_not_enough_memory_at_all():
    with pytest.raises(ConfigError, match="out of memory on this machine"), within():
        bytearray(2**62)


def test_within_the_budget_nothing_happens_and_nothing_stays():
    before = signal.getsignal(signal.SIGUSR1)
    with within(max_seconds=3600, max_memory_mb=1e6) as usage:
        held = os.urandom(1) * 200_000_000
        wait_until(lambda: usage().peak_memory_mb > 200)
        del held
    assert usage().peak_memory_mb > 200
    assert usage() == usage(), "the clock goes on after the end"
    assert usage().seconds > 0
    assert signal.getsignal(signal.SIGUSR1) is before
    assert "budget" not in [thread.name for thread in threading.enumerate()]


def wait_until(condition):
    while not condition():
        time.sleep(0.01)


def test_errors_of_the_work_pass_through():
    with pytest.raises(ZeroDivisionError), within(max_seconds=3600):
        1 / 0  # noqa: B018
    assert "budget" not in [thread.name for thread in threading.enumerate()]


def test_an_outer_budget_ends_an_inner_one():
    done = run("""
        try:
            with within(max_seconds=0.2):
                with within(max_seconds=3600):
                    time.sleep(3600)
                print("went on after the inner work was cut short")
        except ConfigError as error:
            print(error)
    """)
    assert "max_seconds is 0.20 s" in done.stdout
    assert "went on" not in done.stdout


def test_a_budget_that_ends_as_the_work_ends():
    # The signal may come anywhere on the way out, and must end in a ConfigError or in nothing.
    done = run("""
        import ratchet.budget
        ratchet.budget._EVERY = 0.0005
        sys.setswitchinterval(0.00001)
        outcomes = set()
        for attempt in range(300):
            try:
                with within(max_seconds=0.003):
                    end = time.monotonic() + 0.0002 * (attempt % 30)
                    while time.monotonic() < end:
                        pass
                outcomes.add("done")
            except ConfigError:
                outcomes.add("stopped")
        print(sorted(outcomes))
    """)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "['done', 'stopped']\n"
