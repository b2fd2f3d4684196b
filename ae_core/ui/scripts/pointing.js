// What the pointer is on: a tip that names a code's unit, and clicks that the page is told of.

const tip = document.createElement("div");
tip.className = "unit-tip";
tip.setAttribute("role", "tooltip");

// One for the page: Streamlit may call the function at the end again.
const page = (window.autoencoderLabPointing ??= { send: null, listening: false, at: null });

// The unit of a code's picture under the pointer: tiles of units with gaps between them, or bars, which are
// tiles of one unit. Null beside the picture and in a gap.
function unitUnder(event) {
    const image = event.target.closest?.("[data-code]");
    if (!image) return null;
    const { columns, rows, tile, gap, order, values } = JSON.parse(image.dataset.code);
    const box = image.getBoundingClientRect();
    const step = tile + gap;
    const x = Math.floor(((event.clientX - box.left) / box.width) * (columns * step - gap));
    const y = Math.floor(((event.clientY - box.top) / box.height) * (rows * step - gap));
    const channel = order[Math.floor(y / step) * columns + Math.floor(x / step)];
    if (x % step >= tile || y % step >= tile || channel === undefined) return null;
    const number = (channel * tile + (y % step)) * tile + (x % step);
    const value = new Float32Array(unpacked(values).buffer)[number];
    return { number, value: Number(value.toPrecision(3)) };
}

// What lies on a map of test digits: places in shares of its width and height, and the digits.
const maps = new WeakMap();

function unpacked(text) {
    return Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
}

// The test digit that lies nearest to the pointer.
function digitUnder(event) {
    const image = event.target.closest?.("[data-places]");
    if (!image) return null;
    if (!maps.has(image)) {
        const places = new Uint16Array(unpacked(image.dataset.places).buffer);
        const { labels, names } = image.dataset;
        maps.set(image, { places, labels: labels && unpacked(labels), names: names && JSON.parse(names) });
    }
    const { places, labels, names } = maps.get(image);
    const box = image.getBoundingClientRect();
    const x = (65535 * (event.clientX - box.left)) / box.width, y = (65535 * (event.clientY - box.top)) / box.height;
    let number = 0, least = Infinity;
    for (let index = 0; index < places.length / 2; index += 1) {
        const distance = (places[2 * index] - x) ** 2 + (places[2 * index + 1] - y) ** 2;
        if (distance < least) [number, least] = [index, distance];
    }
    return { number, thing: image.dataset.thing, name: labels ? `a ${names[labels[number]]}, ` : "" };
}

function hover(event) {
    const unit = unitUnder(event), digit = digitUnder(event);
    if (!unit && !digit) return tip.remove();
    tip.textContent = unit ? `unit ${unit.number}: ${unit.value}` : `${digit.name}test ${digit.thing} ${digit.number}`;
    tip.style.left = `${Math.min(event.clientX + 12, innerWidth - 160)}px`;
    tip.style.top = `${event.clientY + 16}px`;
    if (!tip.isConnected) document.body.append(tip);
}

function click(event) {
    const button = event.target.closest?.("[data-pick]");
    const unit = unitUnder(event);
    if (button) page.send("pick", button.dataset.pick);
    else if (unit) page.send("pick", `unit:${unit.number}`);
    else if (digitUnder(event)) page.send("pick", `map:${digitUnder(event).number}`);
}

// Streamlit replaces the whole of an element: who was at a button in it with the keyboard goes on from there.
function keepPlace() {
    if (page.at === null || document.activeElement !== document.body) return;
    document.querySelector(`[data-pick="${CSS.escape(page.at)}"]`)?.focus({ preventScroll: true });
}

function leave() {
    tip.remove();
    page.at = null;
}

export default function ({ setTriggerValue }) {
    page.send = setTriggerValue;
    if (page.listening) return;
    page.listening = true;
    document.addEventListener("pointermove", hover, { passive: true });
    document.addEventListener("pointerdown", leave, { passive: true });
    document.addEventListener("click", click);
    document.addEventListener("focusin", event => { page.at = event.target.dataset?.pick ?? null; });
    new MutationObserver(keepPlace).observe(document.body, { childList: true, subtree: true });
}
