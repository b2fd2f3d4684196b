// The page: what its controls say goes to the models, and what these make of the drawing onto its panels.

import { PIXELS, normals, toMnist, withNoise } from "./drawing.js";
import { answerThePage, mapMaker } from "./jacobian.js";
import { activeUnits, bytes, forward, hoyer, openModel, read } from "./model.js";
import { Paper } from "./paper.js";
import { painter, unitAt } from "./pictures.js";
import { shareOn, valueText } from "./words.js";

/**
 * @typedef {import("./model.js").Model} Model
 * @typedef {import("./model.js").ModelData} ModelData
 * @typedef {"A" | "B"} Side
 * @typedef {{ symbol: string, start: Record<Side, string>, axes: Record<"mse" | "codeSqNorm" | "jacobianSqNorm" | "activeUnits", import("./words.js").Axis> }} KindData
 * @typedef {object} PageData what `page.py` puts into the file.
 * @property {ModelData[]} models
 * @property {Record<string, KindData>} kinds
 * @property {import("./pictures.js").Colours} colours
 * @property {number} weakest how far into its colours the map of the weakest model reaches.
 * @property {number} activeShare
 * @property {string} digits test digits, uint8: some of each, one after another.
 * @property {number} examples of each digit.
 * @property {number[]} start a digit, and which of its examples.
 * @property {Record<string, import("./paper.js").Stroke[]>} samples drawings that are no digits.
 * @property {number} penWidth
 * @property {number} shakenNoise
 */

/** Milliseconds: the pen rests. */
const REST = 120;
const SHAKE_EVERY = 250;
const LARGEST_TEXT = 64;

/** @param {string} id */
const text = (id) => document.getElementById(id)?.textContent ?? "";
/** @param {string} selector @param {ParentNode} [within] @returns {any} the page has each of its parts. */
const part = (selector, within = document) => within.querySelector(selector);

/** The models of the file, each opened when it is first asked for. @param {PageData} data */
function openLab(data) {
    /** @type {Map<string, Model>} */
    const opened = new Map();
    const makeMap = mapMaker(text("script"));

    /** @param {string} name */
    function model(name) {
        const index = data.models.findIndex((each) => each.name === name);
        if (index < 0) throw new Error(`There is no model called ${name} in this file.`);
        const found = opened.get(name) ?? openModel(data.models[index], text(`weights-${index}`), text(`statistics-${index}`));
        opened.set(name, found);
        return found;
    }

    /**
     * What one picture shows under one model; the map in float64, the exact ‖J‖² is its sum of squares.
     * @param {string} name
     * @param {Float32Array} pixels 784 values in [0, 1].
     */
    async function inspect(name, pixels) {
        const chosen = model(name), x = Float32Array.from(pixels);
        if (x.length !== PIXELS || !x.every(Number.isFinite)) {
            throw new Error(`A picture has ${PIXELS} values, each a finite number.`);
        }
        const { code, reconstruction } = forward(chosen, x);
        const sqNorms = await makeMap(chosen, x);
        return {
            code,
            reconstruction,
            sensitivity: Float32Array.from(sqNorms, Math.sqrt),
            jacobianSqNorm: total(sqNorms),
            active: activeUnits(chosen, code, data.activeShare).filter(Boolean).length,
            hoyer: hoyer(code),
        };
    }

    return { model, makeMap, inspect };
}

/** @param {Iterable<number>} values */
function total(values) {
    let sum = 0;
    for (const value of values) sum += value;
    return sum;
}

/** @param {Iterable<number>} values */
function largest(values) {
    let most = 0;
    for (const value of values) most = Math.max(most, Math.abs(value));
    return most;
}

function start() {
    /** @type {PageData} */
    const data = JSON.parse(text("data"));
    const lab = openLab(data), paint = painter(data.colours);
    Object.assign(window, { lab: { models: data.models.map(({ name }) => name), inspect: lab.inspect, toMnist } });

    const kinds = Object.keys(data.kinds);
    let kind = kinds[0], noise = 0, draw = normals(PIXELS), comparing = false, frame = 0, rest = 0, shaking = 0;
    /** @type {Record<string, Record<Side, string>>} what is chosen for each kind. */
    const chosen = Object.fromEntries(kinds.map((each) => [each, { ...data.kinds[each].start }]));
    /** @type {Record<Side, { name: string, code: Float32Array } | null>} what the panels show. */
    const shown = { A: null, B: null };
    /** @type {Float32Array | null} what the next maps are of. */
    let wanted = null;
    let isMapping = false;
    const paper = new Paper(part("#canvas"), data.penWidth, renew);
    const digits = bytes(data.digits), placed = new Array(10).fill(0);

    const ofKind = () => data.models.filter((each) => each.kind === kind);
    /** @returns {Side[]} */
    const sides = () => (comparing ? ["A", "B"] : ["A"]);
    /** @param {Side} side @param {string} name */
    const panel = (side, name) => part(`.panels.${side} .panel-${name}`);

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
        paint.grey(part("#seen"), x ?? new Float32Array(PIXELS));
        document.body.classList.toggle("noisy", noise > 0);
        if (clean && x) for (const side of sides()) show(side, x, clean);
        else shown.A = shown.B = null;
        showReading();
        wanted = x;
        renewMaps();
        // Until the pen rests the strip is that of a drawing before; noise that shakes leaves it no rest.
        part("#strip").classList.toggle("stale", !shaking);
        clearTimeout(rest);
        rest = window.setTimeout(() => showStrip(x, 0), REST);
    }

    /** @param {Side} side @param {Float32Array} x @param {Float32Array} clean */
    function show(side, x, clean) {
        const model = lab.model(chosen[kind][side]), { axes } = data.kinds[kind];
        if (shown[side]?.name !== model.data.name) forgetMap(side);
        const { code, reconstruction } = forward(model, x), active = activeUnits(model, code, data.activeShare);
        const error = reconstruction.map((value, pixel) => Math.abs(value - clean[pixel]));
        const mse = total(error.map((value) => value ** 2)) / PIXELS;
        shown[side] = { name: model.data.name, code };
        paint.grey(part("canvas", panel(side, "reconstruction")), reconstruction);
        if (side === "A") paint.grey(part(".result canvas"), reconstruction);
        heat(side, "error", error, shareOn(axes.mse, mse));
        const count = active.filter(Boolean).length, isSmall = code.length <= LARGEST_TEXT;
        const strength = strengthOf(shareOn(axes.codeSqNorm, total(code.map((value) => value ** 2))));
        const end = largest(code) / strength, codePanel = panel(side, "code"), canvas = part("canvas", codePanel);
        if (isSmall) paint.bars(canvas, code, end, active, model.meanActivation, model.data.sparsityTarget);
        else paint.wall(canvas, code, end, model.data.order);
        part(".scale", codePanel).hidden = isSmall;
        part(".bars", codePanel).hidden = !isSmall;
        part(".top", codePanel).textContent = `top: ${valueText(end)}`;
        scale(codePanel, largest(code), strength, `Activation of ${code.length} units`);
        gauge(side, "mse", valueText(mse), shareOn(axes.mse, mse));
        gauge(side, "active", `${count} of ${code.length}`, shareOn(axes.activeUnits, count));
        part(".hoyer", panel(side, "values")).textContent = hoyer(code).toFixed(2);
    }

    /** @param {number} share of the ladder's axis. */
    function strengthOf(share) {
        return part("#own-scales").checked ? 1 : data.weakest + (1 - data.weakest) * share;
    }

    /** A map as shares of its largest value, reaching as far into the colours as its model is strong.
     * @param {Side} side @param {"error" | "sensitivity"} name @param {Float32Array} values @param {number} share */
    function heat(side, name, values, share) {
        const most = largest(values), strength = strengthOf(share), within = panel(side, name);
        paint.heat(part("canvas", within), values, most / strength);
        scale(within, most, strength, name === "error" ? "Error of each pixel of the reconstruction" : "Sensitivity of the code to each pixel");
    }

    /** @param {ParentNode} within @param {number} most @param {number} strength @param {string} what */
    function scale(within, most, strength, what) {
        const colours = part(".scale i i", within);
        colours.style.width = `${100 * strength}%`;
        colours.style.backgroundSize = `${100 / strength}% 100%`;
        part(".end", within).textContent = valueText(most);
        part("canvas", within).setAttribute("aria-label", `${what}, from 0 to ${valueText(most)}.`);
    }

    /** @param {Side} side @param {string} name @param {string} words @param {number} share */
    function gauge(side, name, words, share) {
        const within = part(`.gauge.${name}`, panel(side, "values"));
        part("b", within).textContent = words;
        part("meter", within).value = share;
        part(".bar i", within).style.width = `${100 * share}%`;
    }

    /** One map after another, each of the newest drawing. */
    async function renewMaps() {
        if (isMapping) return;
        isMapping = true;
        while (wanted) {
            const x = wanted;
            wanted = null;
            for (const side of sides()) {
                const name = chosen[kind][side], axis = data.kinds[kind].axes.jacobianSqNorm;
                const sqNorms = await lab.makeMap(lab.model(name), x), sum = total(sqNorms);
                // Meanwhile another model may have been chosen, or the canvas cleared.
                if (shown[side]?.name !== name) continue;
                heat(side, "sensitivity", Float32Array.from(sqNorms, Math.sqrt), shareOn(axis, sum));
                gauge(side, "jacobian", valueText(sum), shareOn(axis, sum));
                panel(side, "sensitivity").classList.remove("waiting");
            }
        }
        isMapping = false;
    }

    /** A map is another model's no longer than it takes to make one. @param {Side} side */
    function forgetMap(side) {
        panel(side, "sensitivity").classList.add("waiting");
        gauge(side, "jacobian", "…", 0);
    }

    function showReading() {
        const said = part("#said"), bars = part("#bars");
        for (const side of /** @type {Side[]} */ (["A", "B"])) {
            const seen = sides().includes(side) ? shown[side] : null, model = seen && lab.model(seen.name);
            const shares = seen && model?.reader ? read(model.reader, seen.code) : null;
            const digit = shares ? shares.indexOf(Math.max(...shares)) : 0;
            const words = shares ? `${digit} (${(100 * shares[digit]).toFixed(0)}%)` : seen ? "no reader" : "nothing";
            part(`.${side} b`, said).textContent = words;
            part(`.${side}`, said).hidden = !sides().includes(side);
            for (const [index, bar] of bars.querySelectorAll(`.${side}`).entries()) {
                bar.hidden = !sides().includes(side);
                bar.style.height = `${shares ? 100 * shares[index] : 0}%`;
            }
        }
        bars.setAttribute("aria-label", said.textContent.replace(/\s+/g, " ").trim());
    }

    /** One more picture of the strip, then the next; a newer drawing ends it. @param {Float32Array | null} x @param {number} index */
    function showStrip(x, index) {
        const cell = part("#strip").children[index];
        if (!cell) part("#strip").classList.remove("stale");
        if (!x || !cell) return;
        paint.grey(part("canvas", cell), forward(lab.model(ofKind()[index].name), x).reconstruction);
        rest = window.setTimeout(() => showStrip(x, index + 1));
    }

    /** Everything that depends on the kind and on which models are chosen. */
    function choose() {
        const models = ofKind(), { symbol, axes } = data.kinds[kind];
        for (const idea of document.querySelectorAll(".idea")) idea.toggleAttribute("hidden", !idea.classList.contains(kind));
        for (const word of document.querySelectorAll(".penalty")) word.toggleAttribute("hidden", !word.classList.contains(kind));
        document.body.classList.toggle("comparing", comparing);
        if (!comparing) shown.B = null;
        part("#compare").textContent = comparing ? "Only A" : "+ compare: B";
        for (const side of /** @type {Side[]} */ (["A", "B"])) {
            const index = models.findIndex(({ name }) => name === chosen[kind][side]), slider = part(`#slider-${side}`);
            slider.max = models.length - 1;
            slider.style.setProperty("--count", models.length);
            slider.value = index;
            slider.setAttribute("aria-valuetext", models[index].title);
            part(`.side.${side} b`).textContent = `${side}: ${models[index].title}`;
            part(`.side.${side} .ticks`).replaceChildren(...models.map(({ label }) => element("span", label)));
            part(`.side.${side}`).hidden = part(`.panels.${side}`).hidden = !sides().includes(side);
            part("h3", panel(side, "values")).textContent = `${side}: ${models[index].title}`;
            for (const [name, axis] of Object.entries({ mse: axes.mse, jacobian: axes.jacobianSqNorm, active: axes.activeUnits })) {
                part(`.gauge.${name} .ends`, panel(side, "values")).replaceChildren(...axis.ends.map((end) => element("span", end)));
            }
        }
        if (part("#strip").dataset.kind !== kind) {
            part("#strip").dataset.kind = kind;
            part("#strip").replaceChildren(...models.map((model) => stripCell(model, symbol)));
        }
        models.forEach(({ name }, index) => {
            for (const side of /** @type {Side[]} */ (["A", "B"])) {
                const isShown = sides().includes(side) && chosen[kind][side] === name;
                part(`.mark.${side}`, part("#strip").children[index]).hidden = !isShown;
            }
        });
        renew();
    }

    /** @param {ModelData} model @param {string} symbol */
    function stripCell({ name, label, title }, symbol) {
        const cell = part("#cell").content.cloneNode(true);
        part(".label", cell).textContent = label;
        part("canvas", cell).setAttribute("aria-label", `Reconstruction under ${title}.`);
        for (const [button, side] of /** @type {[any, Side][]} */ ([[part(".show", cell), "A"], [part(".pin", cell), "B"]])) {
            button.setAttribute("aria-label", `Show ${title} as ${side}`);
            button.addEventListener("click", () => {
                chosen[kind][side] = name;
                comparing ||= side === "B";
                choose();
            });
        }
        return cell.firstElementChild;
    }

    /** @param {string} tag @param {string} words */
    function element(tag, words) {
        const made = document.createElement(tag);
        made.textContent = words;
        return made;
    }

    /** The next example of a test digit. @param {number} digit */
    function placeDigit(digit, index = placed[digit]) {
        placed[digit] = (index + 1) % data.examples;
        const from = (digit * data.examples + index) * PIXELS;
        return Float32Array.from(digits.subarray(from, from + PIXELS), (value) => value / 255);
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
        ["#slider-A", "input", ({ target }) => { chosen[kind].A = ofKind()[target.value].name; choose(); }],
        ["#slider-B", "input", ({ target }) => { chosen[kind].B = ofKind()[target.value].name; choose(); }],
        ["#kind", "change", ({ target }) => { kind = target.value; choose(); }],
    ];
    for (const [selector, type, listener] of listeners) part(selector).addEventListener(type, listener);
    for (const button of document.querySelectorAll("#digits button")) {
        const name = button.textContent?.trim() ?? "";
        button.addEventListener("click", () =>
            name in data.samples ? paper.placeStrokes(data.samples[name]) : paper.place(placeDigit(Number(name))));
    }
    document.addEventListener("keydown", (event) => {
        const isUndo = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z" && !event.shiftKey;
        if (isUndo) paper.undo();
        else if (event.ctrlKey || event.metaKey || event.altKey) return;
        else if (event.key === "Delete") paper.clear();
        else if (/^[0-9]$/.test(event.key)) paper.place(placeDigit(Number(event.key)));
        else return;
        event.preventDefault();
    });
    for (const side of /** @type {Side[]} */ (["A", "B"])) {
        const canvas = part("canvas", panel(side, "code")), tip = part("#tip");
        canvas.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
            const seen = shown[side], box = canvas.getBoundingClientRect();
            if (!seen) return;
            const column = Math.floor(((event.clientX - box.left) / box.width) * canvas.width);
            const row = Math.floor(((event.clientY - box.top) / box.height) * canvas.height);
            const unit = unitAt(column, row, seen.code.length, lab.model(seen.name).data.order);
            tip.hidden = unit === null;
            tip.textContent = `unit ${unit}: ${unit === null ? "" : valueText(seen.code[unit])}`;
            tip.style.left = `${Math.min(event.clientX + 12, innerWidth - 130)}px`;
            tip.style.top = `${event.clientY + 12}px`;
        });
        canvas.addEventListener("pointerleave", () => { tip.hidden = true; });
    }
    choose();
    paper.place(placeDigit(data.start[0], data.start[1]), true);
    placed.fill(0);
}

// The worker runs this text, too.
if (typeof document === "undefined") answerThePage();
else start();
