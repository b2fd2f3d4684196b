// The exact sensitivity map: the sums over the units of the squares of the Jacobian's columns. As in
// `ae_core/jacobian/tap_by_tap.py` the Jacobian is the product of three sparse matrices, and only what each
// unit sees, through units that are on, is multiplied.

import { IMAGE_SIZE, PIXELS } from "./drawing.js";
import { preActivations, sumRows } from "./model.js";

/**
 * @typedef {import("./model.js").Layer} Layer
 * @typedef {import("./model.js").Model} Model
 * @typedef {import("./model.js").Activation} Activation
 */

/** The derivatives of the code's activations by what goes into them. @type {Record<Activation, (z: number) => number>} */
const SLOPE = {
    relu: (z) => (z > 0 ? 1 : 0),
    linear: () => 1,
    sigmoid: (z) => 1 / (2 + Math.exp(z) + Math.exp(-z)),
    rectified_tanh: (z) => (z > 0 ? 1 - Math.tanh(z) ** 2 : 0),
};

/**
 * Sums over the units of (dh/dx_i)^2.
 * @param {Layer[]} layers of the encoder: three, with ReLUs between them, the last of stride 1 without padding.
 * @param {Activation} activation of the code.
 * @param {Float32Array} x 784 values in [0, 1].
 * @returns {Float64Array} of each of the 784 pixels.
 */
export function columnSqNorms(layers, activation, x) {
    const [first, second, third] = layers;
    const [z1, z2, z3] = preActivations(layers, x);
    const slopes = z3.map(SLOPE[activation]);
    const { patches, on, size, step, before } = patchesOf(first, z1, second, z2);
    const { kernel, side, inputs, outputs, weight } = third;
    const inner = second.side, rows = new Int32Array(4 * kernel * kernel * inputs);
    const values = new Float64Array(rows.length), result = new Float64Array(PIXELS), sums = new Float64Array(outputs);
    for (let pixel = 0; pixel < result.length; pixel++) {
        const [y, lastY] = seers(Math.floor(pixel / IMAGE_SIZE)), [x0, lastX] = seers(pixel % IMAGE_SIZE);
        for (let unit = 0; unit < side * side; unit++) {
            const unitRow = Math.floor(unit / side), unitColumn = unit % side;
            // What this place of units gets of the pixel, and the rows of the third layer that it goes through.
            let count = 0;
            for (let row = Math.max(y, unitRow); row <= Math.min(lastY, unitRow + kernel - 1); row++) {
                const inRow = Math.floor(pixel / IMAGE_SIZE) + before - step * row;
                for (let column = Math.max(x0, unitColumn); column <= Math.min(lastX, unitColumn + kernel - 1); column++) {
                    const place = row * inner + column, inColumn = (pixel % IMAGE_SIZE) + before - step * column;
                    const from = ((place * size + inRow) * size + inColumn) * inputs;
                    const tap = (row - unitRow) * kernel + column - unitColumn;
                    for (let index = 0; index < on[place].length; index++) {
                        rows[count] = (tap * inputs + on[place][index]) * outputs;
                        values[count++] = patches[from + index];
                    }
                }
            }
            sumRows(weight, rows, values, count, sums);
            for (let output = 0; output < outputs; output++) {
                result[pixel] += (sums[output] * slopes[unit * outputs + output]) ** 2;
            }
        }
    }
    return result;

    /** The first and the last place of the second layer, along an axis, that see a pixel. @param {number} at */
    function seers(at) {
        return [Math.max(0, Math.ceil((at + before - size + 1) / step)), Math.min(inner - 1, Math.floor((at + before) / step))];
    }
}

/**
 * The derivatives of each place of the second layer by the pixels that it sees.
 * @param {Layer} first
 * @param {Float32Array} z1
 * @param {Layer} second
 * @param {Float32Array} z2
 * @returns patches: shape (places, size, size, channels), of the channels that are on, which `on` lists for
 *     each place, the others left out; a place sees `size` pixels, from `step * place - before` on.
 */
function patchesOf(first, z1, second, z2) {
    const size = first.kernel + first.stride * (second.kernel - 1);
    const step = first.stride * second.stride, before = first.padding + first.stride * second.padding;
    const { side, kernel, inputs, outputs } = second;
    const patches = new Float64Array(side * side * size * size * outputs);
    /** @type {Int32Array[]} */
    const on = [];
    for (let place = 0; place < side * side; place++) {
        const channels = Int32Array.from({ length: outputs }, (_, channel) => channel).filter((channel) => z2[place * outputs + channel] > 0);
        on.push(channels);
        for (let tap = 0; tap < kernel * kernel; tap++) {
            const tapRow = Math.floor(tap / kernel), tapColumn = tap % kernel;
            const row = Math.floor(place / side) * second.stride - second.padding + tapRow;
            const column = (place % side) * second.stride - second.padding + tapColumn;
            if (row < 0 || row >= first.side || column < 0 || column >= first.side) continue;
            for (let input = 0; input < inputs; input++) {
                if (!(z1[(row * first.side + column) * inputs + input] > 0)) continue;
                const from = (tap * inputs + input) * outputs;
                for (let pixel = 0; pixel < first.kernel ** 2; pixel++) {
                    const value = first.weight[pixel * inputs + input];
                    const inRow = first.stride * tapRow + Math.floor(pixel / first.kernel);
                    const inColumn = first.stride * tapColumn + (pixel % first.kernel);
                    const to = ((place * size + inRow) * size + inColumn) * outputs;
                    for (let index = 0; index < channels.length; index++) {
                        patches[to + index] += value * second.weight[from + channels[index]];
                    }
                }
            }
        }
    }
    return { patches, on, size, step, before };
}

/** In a worker: keep the models that the page sends, and answer its questions in their order. */
export function answerThePage() {
    /** @type {Map<string, { encoder: Layer[], activation: Activation }>} */
    const models = new Map();
    onmessage = ({ data: { id, name, model, x } }) => {
        if (model) models.set(name, model);
        const { encoder, activation } = models.get(name) ?? model;
        postMessage({ id, sqNorms: columnSqNorms(encoder, activation, x) });
    };
}

/** Milliseconds after the page is loaded. */
const UNTIL_WORKER = 1000;

/**
 * What computes maps in a worker, so that the pen never waits for them; here, where no worker can be had, and until
 * there is one. It waits for the page: Firefox compiles nothing of what a worker runs that was started while a page
 * loads, and a map takes 8 s instead of 0.1, then and later.
 * @param {string} source the text of these scripts, which the worker runs, too.
 * @returns {(model: Model, x: Float32Array) => Promise<Float64Array>} as `columnSqNorms`.
 */
export function mapMaker(source) {
    /** @type {Worker | null} */
    let worker = null;
    let asked = 0;
    const known = new Set();
    /** @type {Map<number, { answer: (sqNorms: Float64Array) => void, here: () => void }>} */
    const waiting = new Map();
    const giveUp = () => {
        worker = null;
        for (const { here } of waiting.values()) here();
        waiting.clear();
    };
    const begin = () => {
        try {
            worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
            worker.onerror = giveUp;
            worker.onmessage = ({ data: { id, sqNorms } }) => {
                waiting.get(id)?.answer(sqNorms);
                waiting.delete(id);
            };
        } catch {
            giveUp();
        }
    };
    addEventListener("load", () => setTimeout(begin, UNTIL_WORKER));
    return ({ data, encoder }, x) =>
        new Promise((answer) => {
            const activation = data.codeActivation;
            const here = () => setTimeout(() => answer(columnSqNorms(encoder, activation, x)));
            if (!worker) return here();
            const id = asked++, model = known.has(data.name) ? null : { encoder, activation };
            known.add(data.name);
            waiting.set(id, { answer, here });
            worker.postMessage({ id, name: data.name, model, x });
        });
}
