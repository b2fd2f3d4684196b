// What is on the canvas while the pen is down.
//
// st_canvas tells of a stroke only when it is finished. This watches the same canvas, and asks what is to be seen
// of it.

const SIDE = 140, FULL_SIDE = 280;
const TAKEN_MS = 1500;

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

const strokeOn = (upper, brush) => ({
    stands: () => upper.isConnected,
    ask() {
        const { told } = pen.data;
        // The page may have been drawn with the finished stroke before the answer is there.
        return { body: frame({ upper, brush }), headers: { "X-After": told }, fits: () => told === pen.data.told };
    },
});

// What the canvas tells of a stroke can meet a page that is being drawn, and is then left lying: this has the
// page look for it.
function remind(told, times) {
    setTimeout(() => {
        if (pen.data.told !== told || times === 0) return;
        pen.look("look", times);
        remind(told, times - 1);
    }, TAKEN_MS);
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
        if (down) requestAnimationFrame(() => down && offer(strokeOn(down, small)));
    };
    const end = () => {
        if (!down) return;
        const upper = down;
        down = null;
        // Before the canvas moves the stroke to its lower layer, which lies under the cover.
        if (pen.cover) pen.cover.getContext("2d").drawImage(upper, 0, 0);
        // As large as the canvas: it shows what the finished stroke will.
        setTimeout(() => offer(strokeOn(upper, full)), 30);
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
    if (!pen.listening) {
        listen();
        listenToSliders();
    }
    pen.listening = true;
    pen.slidersDrawn?.();
}
