// What is on the canvas while the pen is down, sent to the page many times a second.
//
// st_canvas tells of a stroke only when it is finished. This watches the same canvas and sends what is seen on
// it, one frame at a time: the next one goes out when the page has answered the last, so that a slow server or
// a far network gets fewer frames, and never a queue of them.

const SIDE = 140;
const QUICK_MS = 150;
const LONGEST_PAUSE_MS = 1000;
const LOST_MS = 5000;
const TAKEN_MS = 1500;
const ASIDE_MS = 20;

// One pen for the page: Streamlit calls the function below again after each answer.
const pen = (window.autoencoderLabPen ??= {
    inFlight: null, sentAt: 0, next: null, timer: null, seq: 0, data: null, send: null, cover: null,
    bare: null, listening: false,
});

const board = document.createElement("canvas");
board.width = board.height = SIDE;
const brush = board.getContext("2d", { willReadFrequently: true });

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

function frame(upper) {
    const lower = pen.cover ?? upper.parentElement.querySelector("canvas.lower-canvas");
    brush.fillStyle = "#000";
    brush.fillRect(0, 0, SIDE, SIDE);
    for (const layer of [lower, upper]) brush.drawImage(layer, 0, 0, SIDE, SIDE);
    const rgba = brush.getImageData(0, 0, SIDE, SIDE).data;
    let text = "";
    for (let at = 0; at < rgba.length; at += 4) text += String.fromCharCode(rgba[at]);
    return btoa(text);
}

function offer(upper) {
    pen.next = upper;
    // A connection that was lost takes the answer with it.
    if (performance.now() - pen.sentAt > LOST_MS) pen.inFlight = null;
    if (pen.inFlight === null && pen.timer === null) release();
}

function release() {
    pen.timer = null;
    if (pen.next === null || !pen.next.isConnected) return;
    // What happens at the same moment is sent as one message that names one part of the page alone.
    const clock = window.autoencoderLabClock;
    const wait = (clock?.tickedAt ?? -Infinity) + ASIDE_MS - performance.now();
    if (wait > 0) return void (pen.timer = setTimeout(release, wait));
    clock?.stepAside();
    const upper = pen.next;
    pen.next = null;
    pen.inFlight = ++pen.seq;
    pen.sentAt = performance.now();
    pen.send("frame", { seq: pen.seq, pixels: frame(upper), after: pen.data.told });
}

// What the canvas tells of a stroke can meet a page that is being drawn, and is then left lying: a frame has the
// page look for it.
function remind(upper, told, times) {
    setTimeout(() => {
        if (pen.data.told !== told || times === 0) return;
        offer(upper);
        remind(upper, told, times - 1);
    }, TAKEN_MS);
}

function answered(seq) {
    if (pen.inFlight === null || seq < pen.inFlight) return;
    pen.inFlight = null;
    // A slow answer tells of a busy server: give the others time.
    const late = performance.now() - pen.sentAt - QUICK_MS;
    const pause = Math.min(LONGEST_PAUSE_MS, Math.max(0, late));
    pen.timer = setTimeout(release, pause);
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
        if (down) requestAnimationFrame(() => down && offer(down));
    };
    const end = () => {
        if (!down) return;
        const upper = down;
        down = null;
        // Before the canvas moves the stroke to its lower layer, which lies under the cover.
        if (pen.cover) pen.cover.getContext("2d").drawImage(upper, 0, 0);
        setTimeout(() => offer(upper), 30);
        remind(upper, pen.data.told, 4);
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

// The small pictures at the canvas and what stands below it: the page itself renews them when a stroke is
// finished.
function renew({ pictures, parts }) {
    for (const [selector, html] of Object.entries(parts)) {
        const part = document.querySelector(selector);
        if (part) part.innerHTML = html;
    }
    for (const [selector, url] of Object.entries(pictures)) {
        const image = document.querySelector(selector);
        if (image && url && image.src !== url) image.src = url;
    }
}

export default function ({ data, setTriggerValue }) {
    // Streamlit imports this for each call, and calls that wait for the first import are made in any order.
    if (pen.data?.drawnAt > data.drawnAt) return;
    // What has become a stroke needs no frame any more; a pen that is down offers another with its next move.
    if (pen.data?.told !== data.told) pen.next = null;
    pen.data = data;
    pen.send = setTriggerValue;
    renew(data);
    answered(data.seq);
    uncover();
    hideTools();
    if (!pen.listening) listen();
    pen.listening = true;
}
