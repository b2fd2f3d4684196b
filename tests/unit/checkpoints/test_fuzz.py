"""2,000 damaged copies of a real checkpoint: each is the model or a CheckpointError.

Needs torch, and Linux for the limit on memory.
"""

import random
import subprocess
import sys
import textwrap

import pytest

from ae_core.checkpoints.library import ladder_paths
from tests.unit.checkpoints.damage import attempt, mutated

_COUNT = 2000
_MEMORY_BYTES = 200 * 2**20


@pytest.mark.parametrize("kind", ["contractive", "sparse"])
def test_damaged_copies_are_the_model_or_a_checkpoint_error(tmp_path, kind):
    content = next(iter(ladder_paths(kind).values())).read_bytes()
    pick = random.Random(f"{kind} 1")
    loaded = sum(
        attempt(tmp_path / "damaged.safetensors", mutated(content, pick)) for _ in range(_COUNT // 2)
    )
    # Some damage is harmless, as to a metric; were all of it harmless, or none, this would test nothing.
    assert 0.005 * _COUNT < loaded < 0.3 * _COUNT


@pytest.mark.skipif(sys.platform != "linux", reason="Only Linux limits a process's memory like this.")
def test_damaged_copies_never_take_much_memory(tmp_path):
    path = tmp_path / "damaged.safetensors"
    program = f"""
        import random, resource, sys
        from pathlib import Path
        from ae_core.checkpoints.library import ladder_paths
        from tests.unit.checkpoints.damage import attempt, mutated

        content = ladder_paths("contractive")[1e-4].read_bytes()
        path = Path({str(path)!r})
        attempt(path, content)
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + {_MEMORY_BYTES}, resource.RLIM_INFINITY))
        pick = random.Random(2)
        for _ in range(300):
            attempt(path, mutated(content, pick))
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=True, timeout=300)
