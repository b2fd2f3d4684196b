// What is on the canvas while the pen is down, sent to the server many times a second; what it answers stands on
// the page until the page itself is drawn again.
//
// st_canvas tells of a stroke only when it is finished. This watches the same canvas and sends what is seen on
// it, one frame at a time: the next one goes out when the last is answered, so that a slow server or a far
// network gets fewer frames, and never a queue of them.

const SIDE = 140, FULL_SIDE = 280;
const QUICK_MS = 150;
const LONGEST_PAUSE_MS = 1000;
const LOST_MS = 5000;
const TAKEN_MS = 1500;

// One pen for the page: Streamlit calls the function below again whenever it has drawn the panels.
const pen = (window.autoencoderLabPen ??= {
    inFlight: null, sentAt: 0, shownAt: 0, next: null, timer: null, data: null, look: null, cover: null,
    bare: null, listening: false, pageOf: new Map(),
});

function boardOf(side) {
    const board = document.createElement("canvas");
    board.width = board.height = side;
    return board.getContext("2d", { willReadFrequently: true });
}

const small = boardOf(SIDE), full = boardOf(FULL_SIDE);

// The canvas may be inside an open shadow root.
function find(root, selector) {
    const found = root.querySelector(selector);
    if (found) return found;
    for (const element of root.querySelectorAll("*")) {
        const inside = element.shadowRoot && find(element.shadowRoot, selector);
        if (inside) return inside;
    }
    return null;
}

function frame({ upper, brush }) {
    const lower = pen.cover ?? upper.parentElement.querySelector("canvas.lower-canvas");
    const side = brush.canvas.width;
    brush.fillStyle = "#000";
    brush.fillRect(0, 0, side, side);
    for (const layer of [lower, upper]) brush.drawImage(layer, 0, 0, side, side);
    const rgba = brush.getImageData(0, 0, side, side).data;
    return Uint8Array.from({ length: side * side }, (_, pixel) => rgba[4 * pixel]);
}

function offer(upper, brush) {
    pen.next = { upper, brush };
    if (pen.inFlight === null && pen.timer === null) release();
}

async function release() {
    pen.timer = null;
    if (!pen.next?.upper.isConnected) return;
    const { next } = pen, after = pen.data.told;
    pen.next = null;
    const sentAt = pen.inFlight = pen.sentAt = performance.now();
    let late = LONGEST_PAUSE_MS;
    try {
        for await (const parts of answers(frame(next), after)) {
            // The page may have been drawn with the finished stroke meanwhile.
            if (after === pen.data.told) follow(parts);
            // The panels come first.
            pen.shownAt = performance.now();
        }
        // A slow answer tells of a busy server: give the others time.
        late = performance.now() - sentAt - QUICK_MS;
    } catch {
        // Lost on the way: the finished stroke tells all.
    }
    pen.inFlight = null;
    pen.timer = setTimeout(release, Math.min(LONGEST_PAUSE_MS, Math.max(0, late)));
}

// What the server makes of a frame, some parts of the page after others: a line each, as JSON.
async function* answers(pixels, after) {
    const answer = await fetch(`${location.pathname.replace(/\/+$/, "")}/frame`, {
        method: "POST",
        headers: { "X-Lab-Token": pen.data.token, "X-After": after },
        body: pixels,
        signal: AbortSignal.timeout(LOST_MS),
    });
    if (!answer.ok) throw new Error(answer.statusText);
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        const lines = (rest + value).split("\n");
        rest = lines.pop();
        for (const line of lines) yield JSON.parse(line);
    }
}

// What the canvas tells of a stroke can meet a page that is being drawn, and is then left lying: this has the
// page look for it.
function remind(told, times) {
    setTimeout(() => {
        if (pen.data.told !== told || times === 0) return;
        pen.look("look", times);
        remind(told, times - 1);
    }, TAKEN_MS);
}

// Makes an element like another one; what is the same stays as it is: no picture flashes.
function become(old, fresh) {
    if (old.nodeType !== Node.ELEMENT_NODE) {
        if (old.data !== fresh.data) old.data = fresh.data;
        return;
    }
    for (const { name, value } of fresh.attributes) {
        if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
    fill(old, fresh);
}

function fill(old, fresh) {
    const olds = [...old.childNodes], freshes = [...fresh.childNodes];
    const alike = olds.length === freshes.length
        && olds.every((node, place) => node.nodeName === freshes[place].nodeName);
    if (alike) olds.forEach((node, place) => become(node, freshes[place]));
    else old.replaceChildren(...freshes);
}

function write(part, html) {
    // In a template pictures are not loaded.
    const template = document.createElement("template");
    template.innerHTML = html;
    fill(part, template.content);
}

// A frame's parts, over those that the page has drawn.
function follow(parts) {
    for (const [selector, html] of Object.entries(parts)) {
        const part = document.querySelector(selector);
        if (!part) continue;
        if (!pen.pageOf.has(part)) pen.pageOf.set(part, part.cloneNode(true));
        write(part, html);
    }
}

// The page has been drawn: what it left as it was takes back what it had before the frames, and the parts that
// are not drawn with the rest are renewed.
function settle(parts) {
    for (const [part, before] of pen.pageOf) if (part.isConnected) become(part, before);
    pen.pageOf.clear();
    for (const [selector, html] of Object.entries(parts)) {
        const part = document.querySelector(selector);
        if (part) write(part, html);
    }
}

// The digit that the page starts with is covered from the first touch on: the first stroke replaces it.
function coverUp(upper) {
    if (!pen.data.replaced || pen.cover) return;
    const cover = document.createElement("canvas");
    cover.width = upper.width;
    cover.height = upper.height;
    cover.style.cssText = "position:absolute;left:0;top:0;width:100%;height:100%;z-index:10;pointer-events:none";
    const paint = cover.getContext("2d");
    paint.fillStyle = "#000";
    paint.fillRect(0, 0, cover.width, cover.height);
    upper.before(cover);
    pen.cover = cover;
}

function uncover() {
    if (pen.data.replaced || !pen.cover) return;
    const cover = pen.cover;
    pen.cover = null;
    // The canvas takes a moment to draw what took the digit's place.
    setTimeout(() => cover.remove(), 300);
}

function upperCanvasOf(event) {
    const target = event.composedPath()[0];
    return target instanceof HTMLCanvasElement && target.classList.contains("upper-canvas") ? target : null;
}

function listen() {
    let down = null;
    const start = event => {
        down = event.isPrimary === false ? null : upperCanvasOf(event);
        if (down) coverUp(down);
    };
    const move = () => {
        // The canvas's own brush paints in the same event, after this.
        if (down) requestAnimationFrame(() => down && offer(down, small));
    };
    const end = () => {
        if (!down) return;
        const upper = down;
        down = null;
        // Before the canvas moves the stroke to its lower layer, which lies under the cover.
        if (pen.cover) pen.cover.getContext("2d").drawImage(upper, 0, 0);
        // As large as the canvas: it shows what the finished stroke will.
        setTimeout(() => offer(upper, full), 30);
        remind(pen.data.told, 4);
    };
    const moves = ["pointermove", "mousemove", "touchmove"];
    const ends = ["pointerup", "pointercancel"];
    const options = { capture: true, passive: true };
    document.addEventListener("pointerdown", start, options);
    for (const name of moves) document.addEventListener(name, move, options);
    for (const name of ends) document.addEventListener(name, end, options);
}

// The canvas's own tool bar would cover the page's, which does the same in words.
function hideTools() {
    if (pen.bare?.isConnected) return;
    const upper = find(document, "canvas.upper-canvas");
    // The canvas may come later than this.
    if (!upper) return void setTimeout(hideTools, 200);
    const rule = document.createElement("style");
    rule.textContent = ".dc-toolbar { display: none !important; } .dc-scroll { overflow: hidden !important; }";
    const root = upper.getRootNode();
    (root === document ? document.head : root).append(rule);
    pen.bare = upper;
}

export default function ({ data, setTriggerValue }) {
    // Streamlit imports this for each call, and calls that wait for the first import are made in any order.
    if (pen.data?.drawnAt > data.drawnAt) return;
    // What has become a stroke needs no frame any more; a pen that is down offers another with its next move.
    if (pen.data?.told !== data.told) pen.next = null;
    pen.data = data;
    pen.look = setTriggerValue;
    settle(data.parts);
    uncover();
    hideTools();
    if (!pen.listening) listen();
    pen.listening = true;
}
