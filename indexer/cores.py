"""How many cores there are to work with."""

from __future__ import annotations

import os
from pathlib import Path


def cores() -> int:
    """How many cores this process may keep busy: by its affinity, and by its control group's quota where there is one."""
    try:
        count = len(os.sched_getaffinity(0))
    except AttributeError:
        count = os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()[:2]
        count = min(count, max(1, round(int(quota) / int(period))))
    except (OSError, ValueError):
        pass  # no quota
    return count
