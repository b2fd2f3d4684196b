// The page: what its controls say goes to the models, and what these make of the drawing onto its panels.

import { PIXELS, normals, toMnist, withNoise } from "./drawing.js";
import { answerThePage } from "./jacobian.js";
import { openLab, text } from "./lab.js";
import { bytes, forward } from "./model.js";
import { Panels, part } from "./panels.js";
import { Paper } from "./paper.js";
import { painter } from "./pictures.js";

/** Milliseconds until the pen rests. */
const REST = 120;
const SHAKE_EVERY = 250;
/** @type {import("./lab.js").Side[]} */
const SIDES = ["A", "B"];

function start() {
    /** @type {import("./lab.js").PageData} */
    const data = JSON.parse(text("data"));
    const lab = openLab(data), paint = painter(data.colours), digits = bytes(data.digits);
    Object.assign(window, { lab: { models: data.models.map(({ name }) => name), inspect: lab.inspect, toMnist } });

    let kind = Object.keys(data.kinds)[0], noise = 0, draw = normals(PIXELS), comparing = false;
    let frame = 0, rest = 0, shaking = 0, isMapping = false, isFilling = false;
    /** @type {Float32Array | null} what the models see. */
    let newest = null;
    /** @type {Float32Array | null} what the next maps are of. */
    let wanted = null;
    /** @type {Float32Array | null} what the next strip is of. */
    let resting = null;
    /** What is chosen of each kind. */
    const chosen = Object.fromEntries(Object.entries(data.kinds).map(([name, { start }]) => [name, { ...start }]));
    const panels = { A: new Panels("A", data, paint), B: new Panels("B", data, paint) };
    const placed = new Array(10).fill(0), strip = part("#strip");
    const paper = new Paper(part("#canvas"), data.penWidth, renew);

    const ofKind = () => data.models.filter((each) => each.kind === kind);
    const sides = () => (comparing ? SIDES : SIDES.slice(0, 1));

    /** Have everything follow with the next frame; what comes before that is left out. */
    function renew() {
        frame ||= requestAnimationFrame(() => {
            frame = 0;
            follow();
        });
    }

    function follow() {
        const clean = paper.pixels, x = clean && noise > 0 ? withNoise(clean, noise, draw) : clean;
        part("#undo").disabled = !paper.canUndo;
        part("#clear").disabled = !clean;
        document.body.classList.toggle("blank", !clean);
        document.body.classList.toggle("noisy", noise > 0);
        paint.grey(part("#seen"), x ?? new Float32Array(PIXELS));
        for (const side of SIDES) {
            if (!clean || !x || !sides().includes(side)) panels[side].shown = null;
            else {
                const reconstruction = panels[side].show(lab.model(chosen[kind][side]), x, clean);
                if (side === "A") paint.grey(part(".result canvas"), reconstruction);
            }
        }
        showReading();
        newest = wanted = x;
        renewMaps();
        // Until the pen rests the strip is that of a drawing before; noise that shakes leaves it no rest.
        strip.classList.toggle("stale", !shaking);
        clearTimeout(rest);
        rest = window.setTimeout(() => {
            resting = x;
            fillStrip();
        }, REST);
    }

    /** One map after another, each of the newest drawing. */
    async function renewMaps() {
        if (isMapping) return;
        isMapping = true;
        while (wanted) {
            const x = wanted;
            wanted = null;
            for (const side of sides()) {
                const model = lab.model(chosen[kind][side]);
                panels[side].showMap(model, await lab.makeMap(model, x));
            }
        }
        isMapping = false;
    }

    function showReading() {
        for (const side of SIDES) {
            const shares = panels[side].reading(), isShown = sides().includes(side);
            const digit = shares ? shares.indexOf(Math.max(...shares)) : 0;
            const without = panels[side].shown ? "no reader" : "nothing";
            part(`#said .${side}`).hidden = !isShown;
            part(`#said .${side} b`).textContent = shares ? `${digit} (${(100 * shares[digit]).toFixed(0)}%)` : without;
            for (const [index, bar] of /** @type {any} */ (document.querySelectorAll(`#bars .${side}`).entries())) {
                bar.hidden = !isShown;
                bar.style.height = `${shares ? 100 * shares[index] : 0}%`;
            }
        }
        part("#bars").setAttribute("aria-label", part("#said").innerText.replace(/\s+/g, " "));
    }

    /** The strip of the newest drawing, all its pictures at once: one is never beside another drawing's. */
    async function fillStrip() {
        if (isFilling) return;
        isFilling = true;
        while (resting) {
            const x = resting, models = ofKind(), pictures = [];
            resting = null;
            for (const { name } of models) {
                pictures.push(forward(lab.model(name), x).reconstruction);
                // The pen may want the time between two pictures.
                await new Promise((resolve) => setTimeout(resolve));
            }
            if (models[0].kind !== kind) continue;
            pictures.forEach((picture, index) => paint.grey(part("canvas", strip.children[index]), picture));
            strip.classList.toggle("stale", x !== newest && !shaking);
        }
        isFilling = false;
    }

    /** Everything that depends on the kind and on which models are chosen. */
    function choose() {
        const models = ofKind();
        for (const each of document.querySelectorAll(".idea, .penalty")) each.toggleAttribute("hidden", !each.classList.contains(kind));
        document.body.classList.toggle("comparing", comparing);
        part("#compare").textContent = comparing ? "Only A" : "+ compare: B";
        if (strip.dataset.kind !== kind) strip.replaceChildren(...models.map(stripCell));
        strip.dataset.kind = kind;
        for (const side of SIDES) {
            const index = models.findIndex(({ name }) => name === chosen[kind][side]), slider = part(`#slider-${side}`);
            const title = `${side}: ${models[index].title}`, isShown = sides().includes(side);
            slider.max = models.length - 1;
            slider.value = index;
            slider.style.setProperty("--count", models.length);
            slider.setAttribute("aria-valuetext", models[index].title);
            part(`.side.${side} b`).textContent = title;
            part(`.side.${side} .ticks`).replaceChildren(...models.map(({ label }) => words(label)));
            part(`.side.${side}`).hidden = part(`.panels.${side}`).hidden = !isShown;
            panels[side].name(title, data.kinds[kind].axes);
            models.forEach((_, place) => { part(`.mark.${side}`, strip.children[place]).hidden = !isShown || place !== index; });
        }
        renew();
    }

    /** @param {import("./model.js").ModelData} model */
    function stripCell({ name, label, title }) {
        const cell = part("#cell").content.cloneNode(true);
        part(".label", cell).textContent = label;
        part("canvas", cell).setAttribute("aria-label", `Reconstruction under ${title}.`);
        for (const side of SIDES) {
            const button = part(side === "A" ? ".show" : ".pin", cell);
            button.setAttribute("aria-label", `Show ${title} as ${side}`);
            button.addEventListener("click", () => {
                comparing ||= side === "B";
                show(side, name);
            });
        }
        return cell.firstElementChild;
    }

    /** @param {import("./lab.js").Side} side @param {string} name */
    function show(side, name) {
        chosen[kind][side] = name;
        choose();
    }

    /** @param {string} said */
    function words(said) {
        const made = document.createElement("span");
        made.textContent = said;
        return made;
    }

    /** Put the next example of a test digit onto the canvas. @param {number} digit */
    function placeDigit(digit, example = placed[digit]++ % data.examples, replaced = false) {
        const from = (digit * data.examples + example) * PIXELS;
        paper.place(Float32Array.from(digits.subarray(from, from + PIXELS), (value) => value / 255), replaced);
    }

    /** @param {number} value */
    function setNoise(value) {
        noise = value;
        part("#noise").value = value;
        part("#noise-value").textContent = value.toFixed(2);
        if (noise === 0) shake(false);
        renew();
    }

    /** @param {boolean} on */
    function shake(on) {
        clearInterval(shaking);
        shaking = 0;
        part("#shake").setAttribute("aria-pressed", String(on));
        if (!on) return;
        if (noise === 0) setNoise(data.shakenNoise);
        shaking = window.setInterval(() => {
            draw = normals(PIXELS);
            renew();
        }, SHAKE_EVERY);
    }

    /** @type {[string, string, (event: any) => void][]} */
    const listeners = [
        ["#undo", "click", () => paper.undo()],
        ["#clear", "click", () => paper.clear()],
        ["#noise", "input", ({ target }) => setNoise(Number(target.value))],
        ["#shake", "click", () => shake(!shaking)],
        ["#own-scales", "change", renew],
        ["#compare", "click", () => { comparing = !comparing; choose(); }],
        ["#slider-A", "input", ({ target }) => show("A", ofKind()[target.value].name)],
        ["#slider-B", "input", ({ target }) => show("B", ofKind()[target.value].name)],
        ["#kind", "change", ({ target }) => { kind = target.value; choose(); }],
    ];
    for (const [selector, type, listener] of listeners) part(selector).addEventListener(type, listener);
    for (const button of document.querySelectorAll("#digits button")) {
        const name = button.textContent ?? "", sample = data.samples[name];
        button.addEventListener("click", () => (sample ? paper.placeStrokes(sample) : placeDigit(Number(name))));
    }
    document.addEventListener("keydown", (event) => {
        const withControl = event.ctrlKey || event.metaKey;
        if (withControl && event.key.toLowerCase() === "z" && !event.shiftKey) paper.undo();
        else if (withControl || event.altKey) return;
        else if (event.key === "Delete") paper.clear();
        else if (/^[0-9]$/.test(event.key)) placeDigit(Number(event.key));
        else return;
        event.preventDefault();
    });
    choose();
    placeDigit(data.start[0], data.start[1], true);
}

// The worker runs this text, too.
if (typeof document === "undefined") answerThePage();
else start();
