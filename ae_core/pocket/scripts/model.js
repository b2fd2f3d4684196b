// The two autoencoders in plain loops: `ae_core/model/autoencoder.py` and `ae_core/analysis/codes.py`.
// Layers hold the channels of a place side by side: shape (rows, columns, channels).

/**
 * @typedef {object} LayerShape how a convolution, transposed in the decoder, lies on its input.
 * @property {boolean} transposed
 * @property {number} inputs channels.
 * @property {number} outputs channels.
 * @property {number} kernel
 * @property {number} stride
 * @property {number} padding
 * @property {number} inputSide
 * @property {number} side of its output.
 *
 * @typedef {LayerShape & { weight: Float32Array, bias: Float32Array }} Layer with its weights, shape
 *     (kernel, kernel, inputs, outputs).
 *
 * @typedef {"relu" | "linear" | "sigmoid" | "rectified_tanh"} Activation
 *
 * @typedef {object} ModelData what the file says of a model besides its numbers.
 * @property {string} name
 * @property {"contractive" | "sparse"} kind
 * @property {string} label
 * @property {string} title
 * @property {Activation} codeActivation
 * @property {Activation} outputActivation
 * @property {LayerShape[]} encoder
 * @property {LayerShape[]} decoder
 * @property {number[]} order of the code's channels on its wall.
 * @property {number | null} sparsityTarget
 * @property {boolean} hasReader
 *
 * @typedef {object} Model
 * @property {ModelData} data
 * @property {Layer[]} encoder
 * @property {Layer[]} decoder
 * @property {Float32Array} maxActivation of each unit on the test set.
 * @property {Float32Array} meanActivation likewise.
 * @property {Reader | null} reader
 *
 * @typedef {{ mean: Float32Array, scale: Float32Array, weight: Float32Array, bias: Float32Array }} Reader
 *     a logistic regression on the standardised code.
 */

const CLASSES = 10;

/** The activations, by value. @type {Record<Activation, (z: number) => number>} */
const ACTIVATE = {
    relu: (z) => Math.max(z, 0),
    linear: (z) => z,
    sigmoid: (z) => 1 / (1 + Math.exp(-z)),
    rectified_tanh: (z) => Math.tanh(Math.max(z, 0)),
};

/**
 * A model from its numbers in base64.
 * @param {ModelData} data
 * @param {string} weights float16: each layer's weight, then its bias, the encoder first.
 * @param {string} statistics float32: the largest and the mean activations, then the reader.
 * @returns {Model}
 */
export function openModel(data, weights, statistics) {
    const take = taker(halves(new Uint16Array(bytes(weights).buffer)));
    /** @param {LayerShape} shape @returns {Layer} */
    const fill = (shape) => ({
        ...shape,
        weight: take(shape.kernel ** 2 * shape.inputs * shape.outputs),
        bias: take(shape.outputs),
    });
    const encoder = data.encoder.map(fill), decoder = data.decoder.map(fill);
    const { side, outputs } = encoder[encoder.length - 1], units = side ** 2 * outputs;
    const next = taker(new Float32Array(bytes(statistics).buffer));
    const maxActivation = next(units), meanActivation = next(units);
    const reader = data.hasReader
        ? { mean: next(units), scale: next(units), weight: next(CLASSES * units), bias: next(CLASSES) }
        : null;
    return { data, encoder, decoder, maxActivation, meanActivation, reader };
}

/** @param {string} base64 */
export function bytes(base64) {
    const text = atob(base64), result = new Uint8Array(text.length);
    for (let place = 0; place < text.length; place++) result[place] = text.charCodeAt(place);
    return result;
}

/**
 * Hands out one piece of an array after another.
 * @param {Float32Array} values
 */
function taker(values) {
    let from = 0;
    return (/** @type {number} */ count) => values.subarray(from, (from += count));
}

/** All numbers of 16 bits (IEEE 754 binary16; here all are finite) by their bits. */
const HALVES = Float32Array.from({ length: 2 ** 16 }, (_, bits) => {
    const exponent = (bits >> 10) & 31, fraction = bits & 1023;
    const size = exponent ? (1024 + fraction) * 2 ** (exponent - 25) : fraction * 2 ** -24;
    return bits & 0x8000 ? -size : size;
});

/** @param {Uint16Array} packed */
function halves(packed) {
    const result = new Float32Array(packed.length);
    for (let place = 0; place < packed.length; place++) result[place] = HALVES[packed[place]];
    return result;
}

/**
 * @param {Layer} layer
 * @param {Float32Array} x shape (inputSide, inputSide, inputs).
 * @returns {Float32Array} shape (side, side, outputs), before any activation.
 */
export function convolve(layer, x) {
    const { inputs, outputs, kernel, side, inputSide, weight, bias } = layer;
    const result = new Float32Array(side * side * outputs), sums = new Float64Array(outputs);
    const rows = new Int32Array(kernel * kernel * inputs), values = new Float64Array(rows.length);
    for (let place = 0; place < side * side; place++) {
        let count = 0;
        for (let tap = 0; tap < kernel * kernel; tap++) {
            const row = sourceOf(layer, Math.floor(place / side), Math.floor(tap / kernel));
            const column = sourceOf(layer, place % side, tap % kernel);
            if (row < 0 || column < 0) continue;
            const from = (row * inputSide + column) * inputs;
            for (let input = 0; input < inputs; input++) {
                if (x[from + input] === 0) continue;
                rows[count] = (tap * inputs + input) * outputs;
                values[count++] = x[from + input];
            }
        }
        sumRows(weight, rows, values, count, sums);
        for (let output = 0; output < outputs; output++) {
            result[place * outputs + output] = bias[output] + sums[output];
        }
    }
    return result;
}

/**
 * Where along an axis a place reads through a tap; -1: nowhere.
 * @param {LayerShape} layer
 * @param {number} place
 * @param {number} tap
 */
function sourceOf({ transposed, stride, padding, inputSide }, place, tap) {
    const at = transposed ? (place + padding - tap) / stride : place * stride - padding + tap;
    return Number.isInteger(at) && at < inputSide ? at : -1;
}

/**
 * Sums of value * row over some rows of a weight: all that takes time happens here. Eight columns at a time,
 * in variables of their own, take a third of what one after another would.
 * @param {Float32Array} weight
 * @param {Int32Array} rows where each row starts.
 * @param {Float64Array} values
 * @param {number} count of rows.
 * @param {Float64Array} sums one for each column of a row.
 */
export function sumRows(weight, rows, values, count, sums) {
    let column = 0;
    for (; column + 8 <= sums.length; column += 8) {
        let a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0;
        for (let index = 0; index < count; index++) {
            const value = values[index], at = rows[index] + column;
            a += value * weight[at];
            b += value * weight[at + 1];
            c += value * weight[at + 2];
            d += value * weight[at + 3];
            e += value * weight[at + 4];
            f += value * weight[at + 5];
            g += value * weight[at + 6];
            h += value * weight[at + 7];
        }
        sums[column] = a;
        sums[column + 1] = b;
        sums[column + 2] = c;
        sums[column + 3] = d;
        sums[column + 4] = e;
        sums[column + 5] = f;
        sums[column + 6] = g;
        sums[column + 7] = h;
    }
    for (; column < sums.length; column++) {
        sums[column] = 0;
        for (let index = 0; index < count; index++) sums[column] += values[index] * weight[rows[index] + column];
    }
}

/**
 * The layers of an encoder, the last one before its activation.
 * @param {Layer[]} layers
 * @param {Float32Array} x 784 values in [0, 1].
 */
export function preActivations(layers, x) {
    const found = [];
    for (const layer of layers) {
        /** @type {Float32Array} */
        const seen = found.length ? found[found.length - 1].map(ACTIVATE.relu) : x;
        found.push(convolve(layer, seen));
    }
    return found;
}

/**
 * What a model makes of a picture.
 * @param {Model} model
 * @param {Float32Array} x 784 values in [0, 1].
 * @returns {{ code: Float32Array, reconstruction: Float32Array }} the code by channels, then rows, then
 *     columns; the reconstruction clamped to [0, 1].
 */
export function forward({ data, encoder, decoder }, x) {
    const last = preActivations(encoder, x)[encoder.length - 1].map(ACTIVATE[data.codeActivation]);
    let values = last;
    decoder.forEach((layer, index) => {
        const activation = index < decoder.length - 1 ? "relu" : data.outputActivation;
        values = convolve(layer, values).map(ACTIVATE[activation]);
    });
    const channels = encoder[encoder.length - 1].outputs, places = last.length / channels;
    const code = last.map((_, unit) => last[(unit % places) * channels + Math.floor(unit / places)]);
    return { code, reconstruction: values.map((value) => Math.min(Math.max(value, 0), 1)) };
}

/**
 * Which units exceed a share of the largest activation that they reach on the test set.
 * @param {Model} model
 * @param {Float32Array} code
 * @param {number} share
 * @returns {boolean[]}
 */
export function activeUnits({ maxActivation }, code, share) {
    return Array.from(code, (value, unit) => value > Math.fround(share * maxActivation[unit]));
}

/**
 * Hoyer sparsity: 0 if all units are equal, 1 if one fires.
 * @param {Float32Array} code
 */
export function hoyer(code) {
    const root = Math.sqrt(code.length);
    const largest = code.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    let norm1 = 0, sqNorm2 = 0;
    for (const value of code) {
        // Divided first: squares of very small or large activations leave the range of numbers.
        const scaled = largest > 0 ? Math.abs(value) / largest : 1;
        norm1 += scaled;
        sqNorm2 += scaled ** 2;
    }
    return Math.min(Math.max((root - norm1 / Math.sqrt(sqNorm2)) / (root - 1), 0), 1);
}

/**
 * How likely each digit is to the linear reader of a code.
 * @param {Reader} reader
 * @param {Float32Array} code
 */
export function read({ mean, scale, weight, bias }, code) {
    const logits = Array.from(bias, (start, digit) => {
        let sum = start;
        for (let unit = 0; unit < code.length; unit++) {
            sum += ((code[unit] - mean[unit]) / scale[unit]) * weight[digit * code.length + unit];
        }
        return sum;
    });
    const most = Math.max(...logits), shares = logits.map((logit) => Math.exp(logit - most));
    const total = shares.reduce((sum, share) => sum + share);
    return shares.map((share) => share / total);
}
