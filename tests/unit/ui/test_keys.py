"""Every name that two parts of the page share is written once: in the table of keys. Needs only Python."""

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

from ae_core.analysis.page_names import View

ROOT = Path(__file__).parents[3]
UI = ROOT / "ae_core" / "ui"
TABLE, SESSION = UI / "keys.py", UI / "session.py"
NAMES = ROOT / "ae_core" / "analysis" / "page_names.py"
PAGE = [ROOT / "app.py", *sorted(UI.rglob("*.py"))]
OTHER_THINGS = {"form.py": {"Train"}}
"""A button that is called like a view."""


def pattern(node):
    """A string as it is written, with {} for what is filled in; None for anything else."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(pattern(part) or "{}" for part in parts)
    return None


def documentation(tree):
    """The strings that stand as statements of their own."""
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}


def strings(source):
    tree = ast.parse(source)
    notes = documentation(tree)
    return [
        text for node in ast.walk(tree) if node not in notes and (text := pattern(node)) not in (None, "{}")
    ]


def widget_keys(source):
    """The keys that a file writes as literals: of its widgets, and of the table's `Key`."""
    keys = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            keys |= {pattern(each.value) for each in node.keywords if each.arg == "key"}
            if isinstance(node.func, ast.Name) and node.func.id == "Key":
                keys |= {pattern(argument) for argument in node.args}
    return keys - {None, "{}"}


def touches_the_session(source):
    """Whether a file reads or writes the session's state or the address itself."""
    names = {"session_state", "query_params"}
    return any(
        (isinstance(node, ast.Attribute) and node.attr in names)
        or (isinstance(node, ast.ImportFrom) and names & {alias.name for alias in node.names})
        for node in ast.walk(ast.parse(source))
    )


def writes_the_address(source):
    """Widgets that have the browser write into the address, where the page writes it too."""
    calls = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    return [ast.unparse(call) for call in calls if "bind" in {each.arg for each in call.keywords}]


def files_by_key(sources):
    """In which files each key is written; of the table and of the page's names, every string counts."""
    found = defaultdict(set)
    for path, source in sources.items():
        for key in strings(source) if path in (TABLE, NAMES) else widget_keys(source):
            found[key].add(path.name)
    return found


def test_one_file_touches_the_session_and_the_address():
    assert [path for path in PAGE if touches_the_session(path.read_text())] == [SESSION]


def test_no_key_is_written_in_two_files():
    found = files_by_key({path: path.read_text() for path in [NAMES, *PAGE]})
    assert {key: files for key, files in found.items() if len(files) > 1} == {}
    assert {"kind", "weight_{}_{}", "train_{}_{}", "tangent", "strength_{}"} <= found.keys()


def test_the_page_alone_writes_its_address():
    assert {path.name: found for path in PAGE if (found := writes_the_address(path.read_text()))} == {}


def test_no_view_s_name_is_written_again():
    views = {view.value for view in View}
    for path in [ROOT / "ae_core" / "analysis" / "scenes.py", *PAGE]:
        assert views & set(strings(path.read_text())) <= OTHER_THINGS.get(path.name, set()), path


def test_css_and_scripts_take_the_keys_that_they_look_for_from_the_table():
    for path in PAGE:
        assert not re.search(r"st-key-[a-z]", path.read_text()), path


@pytest.mark.parametrize(
    "source",
    [
        "st.session_state.kind = 'sparse'",
        "x = st.session_state['kind']",
        "st.query_params.get('kind')",
        "from streamlit import session_state",
    ],
)
def test_a_touch_of_the_session_is_found(source):
    assert touches_the_session(source)


def test_a_key_written_twice_is_found():
    table = "def weight(kind):\n    return Key(f'weight_{kind}')\nUNDO = 'undo'\n"
    widgets = "st.slider('w', key=f'weight_{other}', bind='query-params')\nst.button('u', key='undo')\n"
    found = files_by_key({TABLE: table, ROOT / "app.py": widgets})
    assert {key for key, files in found.items() if len(files) > 1} == {"weight_{}", "undo"}
    assert len(writes_the_address(widgets)) == 1
