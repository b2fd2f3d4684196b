// Parts of the page while the hand is at work: what it does is sent to the server many times a second, and what
// that answers stands on the page until the page itself is drawn again.
//
// One question at a time is on its way: the next one goes out when the last is answered, so that a slow server
// or a far network gets fewer of them, and never a queue.

const QUICK_MS = 150;
const LONGEST_PAUSE_MS = 1000;
const LOST_MS = 5000;

// One for the page: Streamlit calls the function at the end whenever it has drawn the panels.
const pen = (window.autoencoderLabPen ??= {
    inFlight: null, sentAt: 0, shownAt: 0, next: null, timer: null, data: null, look: null, cover: null,
    bare: null, listening: false, pageOf: new Map(), slidersDrawn: null,
});

// Of a question: `stands()`, whether it is still worth asking, and `ask()`, made as it goes out: its body, its
// headers, and `fits()`, whether its answer can still be shown.
function offer(question) {
    pen.next = question;
    if (pen.inFlight === null && pen.timer === null) release();
}

async function release() {
    pen.timer = null;
    if (!pen.next?.stands()) return;
    const { body, headers, fits } = pen.next.ask();
    pen.next = null;
    const sentAt = pen.inFlight = pen.sentAt = performance.now();
    let late = LONGEST_PAUSE_MS;
    try {
        for await (const parts of answers(body, headers)) {
            if (fits()) follow(parts);
            // The panels come first.
            pen.shownAt = performance.now();
        }
        // A slow answer tells of a busy server: give the others time.
        late = performance.now() - sentAt - QUICK_MS;
    } catch {
        // Lost on the way: what the hand ends with tells all.
    }
    pen.inFlight = null;
    pen.timer = setTimeout(release, Math.min(LONGEST_PAUSE_MS, Math.max(0, late)));
}

// What the server makes of it, some parts of the page after others: a line each, as JSON.
async function* answers(body, headers) {
    const answer = await fetch(`${location.pathname.replace(/\/+$/, "")}/frame`, {
        method: "POST",
        headers: { "X-Lab-Token": pen.data.token, ...headers },
        body,
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

// An answer's parts, over those that the page has drawn.
function follow(parts) {
    for (const [selector, html] of Object.entries(parts)) {
        const part = document.querySelector(selector);
        if (!part) continue;
        if (!pen.pageOf.has(part)) pen.pageOf.set(part, part.cloneNode(true));
        write(part, html);
    }
}

// The page has been drawn: what it left as it was takes back what it had before the answers, and the parts that
// are not drawn with the rest are renewed.
function settle(parts) {
    for (const [part, before] of pen.pageOf) if (part.isConnected) become(part, before);
    pen.pageOf.clear();
    for (const [selector, html] of Object.entries(parts)) {
        const part = document.querySelector(selector);
        if (part) write(part, html);
    }
}
