"""Damaged copies of a file, no two alike, for the tests that load them."""

import json
import struct

from ae_core.checkpoints import load_checkpoint
from ae_core.errors import CheckpointError

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
