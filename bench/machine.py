"""What the numbers were measured on."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import statistics
import time
from pathlib import Path

import apsw


def describe(directory: Path) -> list[tuple[str, str]]:
    """The machine in a few lines; `directory` is where the store lies."""
    return [
        ("processor", f"{_processor()}, {os.cpu_count()} cores"),
        ("memory", f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.1f} GiB"),
        ("kernel", f"{platform.system()} {platform.release()} {platform.machine()}"),
        ("file system of the store", file_system(directory)),
        ("one fsync of 4 KiB", f"{fsync_ms(directory):.2f} ms (median)"),
        ("Python", f"{platform.python_implementation()} {platform.python_version()}"),
        *((name, importlib.metadata.version(name)) for name in ("granian", "uvloop", "apsw")),
        ("SQLite", apsw.sqlite_lib_version()),
        ("busy already", f"{os.getloadavg()[0]:.1f} processes on average, in the last minute"),
    ]


def file_system(directory: Path) -> str:
    """Its type, from the mount table; empty where there is none."""
    try:
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    place, longest, kind = str(directory.resolve()), "", ""
    for line in mounts:
        _, mount, its_kind, *_ = line.split(" ")
        inside = place == mount or place.startswith(mount.rstrip("/") + "/")
        if inside and len(mount) >= len(longest):
            longest, kind = mount, its_kind
    return kind


def fsync_ms(directory: Path, times: int = 50) -> float:
    """How long it takes to append a page and have it on disk: the median, in milliseconds."""
    path, took = directory / "fsync.probe", []
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        for _ in range(times):
            began = time.perf_counter()
            os.write(descriptor, bytes(4096))
            os.fsync(descriptor)
            took.append((time.perf_counter() - began) * 1000)
    finally:
        os.close(descriptor)
        path.unlink()
    return statistics.median(took)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.machine())
