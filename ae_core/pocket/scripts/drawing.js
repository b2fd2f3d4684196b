// From what a person draws to what the models see: `ae_core/drawing/centring.py`, value for value.

export const IMAGE_SIZE = 28;
export const PIXELS = IMAGE_SIZE ** 2;
const BOX = 20;
/** Where MNIST has the centre of mass, as a pixel index. */
const CENTRE = 14;

/**
 * Scale ink into a 20 x 20 box, anti-aliased, its centre of mass at the centre of 28 x 28.
 * @param {ImageData} imageData white ink on black.
 * @returns {Float32Array | null} 784 values in [0, 1]; null for a blank picture, which is no digit.
 */
export function toMnist({ data, width, height }) {
    const ink = inkOf(data);
    let top = height, bottom = 0, left = width, right = 0;
    for (let place = 0; place < ink.length; place++) {
        if (ink[place] === 0) continue;
        const row = Math.floor(place / width), column = place % width;
        if (row < top) top = row;
        if (column < left) left = column;
        if (column >= right) right = column + 1;
        bottom = row + 1;
    }
    if (bottom === 0) return null;
    const inkWidth = right - left, inkHeight = bottom - top;
    const scale = BOX / Math.max(inkWidth, inkHeight);
    const boxWidth = Math.max(1, roundToEven(scale * inkWidth));
    const boxHeight = Math.max(1, roundToEven(scale * inkHeight));
    const cropped = new Float32Array(inkWidth * inkHeight);
    for (let row = 0; row < inkHeight; row++) {
        for (let column = 0; column < inkWidth; column++) {
            cropped[row * inkWidth + column] = ink[(top + row) * width + left + column] / 255;
        }
    }
    const turned = averageRows(cropped, inkWidth, inkHeight, boxWidth);
    const box = averageRows(turned, inkHeight, boxWidth, boxHeight);
    const rows = new Float64Array(boxHeight), columns = new Float64Array(boxWidth);
    box.forEach((value, place) => {
        rows[Math.floor(place / boxWidth)] += value;
        columns[place % boxWidth] += value;
    });
    const firstRow = offsetOf(rows), firstColumn = offsetOf(columns);
    const mnist = new Float32Array(PIXELS);
    for (let row = 0; row < boxHeight; row++) {
        const line = box.subarray(row * boxWidth, (row + 1) * boxWidth);
        mnist.set(line, (firstRow + row) * IMAGE_SIZE + firstColumn);
    }
    return mnist;
}

/**
 * The grey levels of a picture laid over black, as Pillow rounds them.
 * @param {Uint8ClampedArray} rgba
 */
function inkOf(rgba) {
    const ink = new Uint8Array(rgba.length / 4);
    for (let place = 0; place < ink.length; place++) {
        const from = 4 * place, alpha = rgba[from + 3];
        // The weights of ITU-R 601 in 16 bits.
        ink[place] =
            (19595 * overBlack(rgba[from], alpha) +
                38470 * overBlack(rgba[from + 1], alpha) +
                7471 * overBlack(rgba[from + 2], alpha) +
                0x8000) >> 16;
    }
    return ink;
}

/**
 * @param {number} value
 * @param {number} alpha
 */
function overBlack(value, alpha) {
    const sum = 128 * value * alpha + 0x4000;
    return (((sum >> 8) + sum) >> 8) >> 7;
}

/**
 * Pillow's box filter along each row: the mean of the pixels whose middles lie below a new one. What it
 * returns is turned, so that a second call does the columns.
 * @param {Float32Array} values shape (height, width).
 * @param {number} width
 * @param {number} height
 * @param {number} target the new width.
 * @returns {Float32Array} shape (target, height).
 */
function averageRows(values, width, height, target) {
    const result = new Float32Array(target * height);
    const scale = width / target, reach = Math.max(scale, 1);
    for (let place = 0; place < target; place++) {
        const centre = (place + 0.5) * scale;
        const from = Math.max(0, Math.trunc(centre - reach / 2 + 0.5));
        const end = Math.min(width, Math.trunc(centre + reach / 2 + 0.5));
        const below = [];
        for (let pixel = from; pixel < end; pixel++) {
            const distance = (pixel - centre + 0.5) / reach;
            if (distance > -0.5 && distance <= 0.5) below.push(pixel);
        }
        for (let row = 0; row < height; row++) {
            let sum = 0;
            for (const pixel of below) sum += values[row * width + pixel];
            result[place * height + row] = Math.min(Math.max(sum / below.length, 0), 1);
        }
    }
    return result;
}

/**
 * Where a box with this mass along one axis starts.
 * @param {Float64Array} mass
 */
function offsetOf(mass) {
    let total = 0, moment = 0;
    mass.forEach((value, place) => { total += value; moment += value * place; });
    const centre = total > 0 ? moment / total : 0;
    return Math.min(Math.max(roundToEven(CENTRE - centre), 0), IMAGE_SIZE - mass.length);
}

/**
 * To the nearest whole number, halves to the even one, as Python does.
 * @param {number} value
 */
function roundToEven(value) {
    const below = Math.floor(value);
    if (value - below !== 0.5) return Math.round(value);
    return below % 2 === 0 ? below : below + 1;
}

/**
 * Standard normal numbers (Box and Muller, 1958).
 * @param {number} count
 */
export function normals(count) {
    return Float32Array.from({ length: count }, () =>
        Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random()));
}

/**
 * A picture with noise, clamped to [0, 1], where pixels live.
 * @param {Float32Array} clean
 * @param {number} deviation
 * @param {Float32Array} noise standard normal numbers.
 */
export function withNoise(clean, deviation, noise) {
    return clean.map((value, pixel) => Math.min(Math.max(value + deviation * noise[pixel], 0), 1));
}
