"""2,000 damaged copies of a real checkpoint: each is the model or a CheckpointError.

Needs torch, and Linux for the limit on memory.
"""

import json
import random
import struct
import subprocess
import sys
import textwrap

import pytest

from ae_core.checkpoints import load_checkpoint
from ae_core.checkpoints.library import ladder_paths
from ae_core.errors import CheckpointError

_COUNT = 2000
_MEMORY_BYTES = 200 * 2**20
_ODD_VALUES = (
    *(None, True, -1, 0, 1, 2**31, 2**63, 2**64, 10**30, -(2**63), 0.5, 1e308, "", "\x00", "🔢", "../../etc"),
    *([], {}, [[]], [-1], [2**63, 2], [0, 2**64], [1e308], "F64", "BF16", "BOOL", "F8_E4M3", "U8", "NaN"),
)


def split(content):
    """The header as an object, and the bytes behind it."""
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def joined(header, body, pick):
    text = json.dumps(header).encode()
    length = len(text)
    if pick.random() < 0.1:
        length = pick.choice((0, 1, length - 1, length + 1, length + 8, 2**31, 2**63, 2**64 - 1))
    return struct.pack("<Q", length) + text + body


def places(value, path=()):
    """The path to every value inside an object."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*path, key))


def with_one_change(tree, pick):
    """The same tree with a value replaced, removed, renamed or doubled somewhere."""
    tree = json.loads(json.dumps(tree))
    *way, last = pick.choice([path for path in places(tree) if path])
    parent = tree
    for key in way:
        parent = parent[key]
    action = pick.random()
    if action < 0.6:
        parent[last] = pick.choice(_ODD_VALUES)
    elif action < 0.8:
        del parent[last]
    elif isinstance(parent, dict):
        parent[pick.choice(("", "x" * 300, "__metadata__", f"{last}.", "encoder.0.weight"))] = parent[last]
    else:
        parent.append(parent[last])
    return tree


def mutated(content, pick):
    """A copy with damage to its header, its metadata's own JSON, its length or its bytes."""
    header, body = split(content)
    for _ in range(pick.choice((1, 1, 1, 2, 5))):
        kind = pick.random()
        if kind < 0.45:
            header = with_one_change(header, pick)
            if not isinstance(header, dict):
                break
        elif kind < 0.8 and isinstance(header.get("__metadata__"), dict):
            name = pick.choice(("model_config", "train_config", "metrics"))
            text = header["__metadata__"].get(name)
            try:
                inner = json.loads(text)
            except (TypeError, ValueError):
                continue
            if isinstance(inner, dict) and inner:
                header["__metadata__"][name] = json.dumps(with_one_change(inner, pick))
        elif kind < 0.9:
            cut = pick.randrange(len(body) + 1)
            body = pick.choice((body[:cut], body + body[:cut], body[cut:], b""))
        else:
            whole = bytearray(joined(header, body, pick))
            for _ in range(pick.choice((1, 8, 64))):
                whole[pick.randrange(min(len(whole), 4000))] = pick.randrange(256)
            return bytes(whole)
    return joined(header, body, pick)


def attempt(path, content):
    """Load a damaged copy; anything but a model or a CheckpointError is let through."""
    path.write_bytes(content)
    try:
        load_checkpoint(path)
    except CheckpointError as error:
        assert "\n" not in str(error)
        assert len(str(error)) < 600
        return False
    return True


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
        from tests.unit.checkpoints.test_fuzz import attempt, mutated

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
