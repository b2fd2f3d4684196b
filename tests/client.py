"""One session of the page without a browser: a websocket on which Streamlit's own messages go to and fro."""

import asyncio
import json
import urllib.request
from contextlib import asynccontextmanager
from dataclasses import dataclass

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

PATIENCE_SECONDS = 60
"""Only keeps a server that hangs from hanging its visitors."""
_WHOLE_PAGE = ""
_LOST_SECONDS = 5
"""After which a clock of the page ticks again if nothing came of it."""
_CLOCK = "-clock_"
"""In the identity of a component that has its part of the page drawn again."""
_COMPLETE = (ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY)


class UnansweredError(Exception):
    """The page never came to show what was waited for."""


@dataclass(frozen=True)
class _Part:
    """An element or a container of the page."""

    element: Element | None
    """None: a container."""
    identity: str
    """Streamlit's, which ends in the key that the page's code gave; empty without a key."""
    fragment: str
    run: int
    """The number of the run of the script that sent it."""


class Session:
    """What a browser's tab keeps of the page, and what it sends when somebody does something there."""

    def __init__(self, connection, address):
        self._connection = connection
        self._address = address
        self._parts = {}
        """By their paths on the page."""
        self._states = {}
        """Of the widgets that were changed here, by their identities."""
        self._query = ""
        self._run, self._fragment = 0, _WHOLE_PAGE
        """The run of the script that goes on or was the last, and what it runs."""
        self._running = False
        self._asked = 0
        """Runs asked for since that one began."""
        self._clocks = {}
        """A task for each clock of the page, by its identity."""
        self._misplaced = None
        """A sentence on the first message after which a browser's page is blank for good."""
        self._news = asyncio.Condition()

    @staticmethod
    @asynccontextmanager
    async def opened(address):
        """A new tab on the page at an address like http://localhost:8501, once it is there."""
        stream = address.replace("http", "ws", 1) + "/_stcore/stream"
        async with connect(stream, origin=address, subprotocols=["streamlit"], max_size=None) as connection:
            session = Session(connection, address)
            listening = asyncio.create_task(session._listen())
            try:
                await session._ask(_WHOLE_PAGE)
                await session.until(lambda: session.at_rest, "the page")
                yield session
            finally:
                listening.cancel()
                for clock in session._clocks.values():
                    clock.cancel()

    @property
    def at_rest(self):
        """Whether everything asked for is answered, to the end."""
        return not self._running and not self._asked

    def elements(self):
        """What is on the page, from top to bottom."""
        parts = (self._parts[path].element for path in sorted(self._parts))
        return [element for element in parts if element is not None]

    def widget(self, key):
        """The widget of this key.

        Raises:
            KeyError: if the page has no such widget.
        """
        element = self._parts[self._place(key)].element
        return getattr(element, element.WhichOneof("type"))

    async def change(self, key, **value):
        """Put a widget into another state, named as in Streamlit's WidgetState; a click lasts for one run.

        Raises:
            KeyError: if the page has no such widget.
            UnansweredError: if the connection is lost.
        """
        part = self._parts[self._place(key)]
        if "trigger_value" in value:
            await self._ask(part.fragment, click=WidgetState(id=part.identity, **value))
        else:
            self.put(key, **value)
            await self._ask(part.fragment)

    def put(self, key, **value):
        """Put a widget into another state, of which the next message tells, whatever it is about.

        Raises:
            KeyError: if the page has no such widget.
        """
        identity = self._parts[self._place(key)].identity
        self._states[identity] = WidgetState(id=identity, **value)

    async def tell(self, key, event, value):
        """Have a component of the page tell of something that happened, once.

        Raises:
            KeyError: if the page has no such component.
            UnansweredError: if the connection is lost.
        """
        part = self._parts[self._place(key)]
        said = json.dumps([{"event": event, "value": value}])
        await self._ask(part.fragment, click=WidgetState(id=_events_of(part), json_trigger_value=said))

    async def post(self, path, body, **headers):
        """The lines with which the server answers a request of a script of the page.

        Raises:
            UnansweredError: if it refuses, or never answers.
        """

        def ask():
            names = {name.replace("_", "-"): str(value) for name, value in headers.items()}
            request = urllib.request.Request(f"{self._address}/{path}", body, names, method="POST")
            with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
                return answer.read().splitlines()

        try:
            return await asyncio.to_thread(ask)
        except OSError as error:
            raise UnansweredError(f"a request for {path}: {error}") from None

    async def until(self, holds, what):
        """Wait until the page is such that something holds.

        Raises:
            UnansweredError: if it never does, or the page went blank.
        """
        try:
            async with asyncio.timeout(PATIENCE_SECONDS), self._news:
                await self._news.wait_for(
                    lambda: holds() or self._misplaced or self._connection.close_code is not None
                )
        except TimeoutError:
            raise UnansweredError(f"{what} never came") from None
        if self._misplaced:
            raise UnansweredError(f"the page went blank: {self._misplaced}")
        if not holds():
            raise UnansweredError(f"the connection was lost before {what} came")

    def _place(self, key):
        for path, part in self._parts.items():
            if part.identity.endswith(f"-{key}"):
                return path
        raise KeyError(key)

    async def _ask(self, fragment, click=None):
        """Ask for a run of the whole script or of a fragment."""
        request = ClientState(query_string=self._query, fragment_id=fragment)
        request.widget_states.widgets.extend(self._states.values())
        if click is not None:
            request.widget_states.widgets.append(click)
        self._asked += 1
        try:
            await self._connection.send(BackMsg(rerun_script=request).SerializeToString())
        except ConnectionClosed:
            raise UnansweredError("the connection was lost") from None

    async def _listen(self):
        try:
            async for data in self._connection:
                self._take(ForwardMsg.FromString(data))
                async with self._news:
                    self._news.notify_all()
        except ConnectionClosed:
            pass
        finally:
            async with self._news:
                self._news.notify_all()

    def _take(self, message):
        match message.WhichOneof("type"):
            case "new_session":
                self._run += 1
                self._fragment = next(iter(message.metadata.run.fragment_ids), _WHOLE_PAGE)
                self._running, self._asked = True, 0
            case "delta":
                self._put(tuple(message.metadata.delta_path), message.delta)
            case "script_finished" if message.script_finished in _COMPLETE:
                self._clear_away()
                self._running = False
            # A run that was cut short is followed by one that sends the rest.
            case "page_info_changed":
                self._query = message.page_info_changed.query_string

    def _put(self, path, delta):
        if delta.WhichOneof("type") == "add_block":
            element, identity = None, delta.add_block.id
        else:
            element = delta.new_element
            identity = getattr(getattr(element, element.WhichOneof("type")), "id", "")
            if path in self._parts and self._parts[path].element is None:
                self._parts = {at: part for at, part in self._parts.items() if at[: len(path)] != path}
        self._misplaced = self._misplaced or self._why_misplaced(path)
        self._parts[path] = _Part(element, identity, delta.fragment_id, self._run)
        if _CLOCK in identity:
            self._wind(identity, json.loads(element.bidi_component.json))

    def _why_misplaced(self, path):
        """Why a browser has no place for what is to stand at a path; None if it has one."""
        *above, index = path
        # The first number names the page's main part, or one beside it, which are there from the start.
        container = self._parts.get(tuple(above))
        if len(above) > 1 and (container is None or container.element is not None):
            return f"nothing at {above} can hold {path}"
        if index and (*above, index - 1) not in self._parts:
            return f"{path} has nothing before it"
        return None

    def _clear_away(self):
        """Take away what the run that is over would have sent anew if it still were on the page."""
        self._parts = {
            path: part
            for path, part in self._parts.items()
            if part.run == self._run or self._fragment not in (_WHOLE_PAGE, part.fragment)
        }

    def _wind(self, identity, clock):
        """Have a clock of the page tick after its time, unless it is wound anew before."""
        former = self._clocks.pop(identity, None)
        if former is not None:
            former.cancel()
        self._clocks[identity] = asyncio.create_task(self._tick(identity, clock))

    async def _tick(self, identity, clock):
        seconds = clock["seconds"]
        while True:
            await asyncio.sleep(seconds)
            if not any(part.identity == identity for part in self._parts.values()):
                return
            # What is on its way is not to be cut off by a clock that is wound anew.
            await asyncio.shield(self.tell(f"clock_{clock['name']}", "tick", clock["turn"]))
            seconds = _LOST_SECONDS


def _events_of(part):
    """Under which name Streamlit takes what a component tells of."""
    return f"$$STREAMLIT_INTERNAL_KEY_{part.identity}__events"


def canvas_state(shapes, picture):
    """What the canvas says of itself.

    Args:
        shapes: what lies on it, as it describes them.
        picture: a PNG of it, as an address that holds itself.
    """
    return {"json_value": json.dumps({"drawing": {"raw": {"objects": shapes}, "data": picture}})}
