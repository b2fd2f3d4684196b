// Arrays as small pictures, which the page enlarges: `ae_core/render/maps.py` and `unit_pictures.py`.

import { IMAGE_SIZE } from "./drawing.js";
import { bytes } from "./model.js";

const TILES_PER_ROW = 16;
/** An opaque black pixel. */
const BLACK = 0xff000000;
const BARS = { height: 96, width: 2, place: 3 };

/** @typedef {{ palette: string, active: string, quiet: string, mean: string }} Colours */

/** Paints values onto canvases, given the page's colours. @param {Colours} colours */
export function painter(colours) {
    const palette = inks(bytes(colours.palette));

    /**
     * @param {HTMLCanvasElement} canvas
     * @param {number} width
     * @param {number} height
     * @param {(pixels: Uint32Array) => void} fill
     */
    function paint(canvas, width, height, fill) {
        if (canvas.width !== width) canvas.width = width;
        if (canvas.height !== height) canvas.height = height;
        const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
        const picture = context.createImageData(width, height);
        fill(new Uint32Array(picture.data.buffer));
        context.putImageData(picture, 0, 0);
    }

    /** @param {number} share of the colours' range. */
    const colour = (share) => palette[Math.round(255 * Math.min(Math.max(share, 0), 1))];

    return {
        /** Values in [0, 1] as ink on black. @param {HTMLCanvasElement} canvas @param {Float32Array} values */
        grey(canvas, values) {
            paint(canvas, IMAGE_SIZE, IMAGE_SIZE, (pixels) =>
                values.forEach((value, at) => { pixels[at] = BLACK + 0x010101 * Math.round(255 * value); }));
        },

        /** Values from 0 to `end` in the colours. @param {HTMLCanvasElement} canvas @param {Float32Array} values @param {number} end */
        heat(canvas, values, end) {
            paint(canvas, IMAGE_SIZE, IMAGE_SIZE, (pixels) =>
                values.forEach((value, at) => { pixels[at] = colour(end > 0 ? value / end : 0); }));
        },

        /**
         * A code as a wall of tiles, one for each channel; negative activations by their magnitude.
         * @param {HTMLCanvasElement} canvas
         * @param {Float32Array} code
         * @param {number} end
         * @param {number[]} order of the channels.
         */
        wall(canvas, code, end, order) {
            const tile = Math.sqrt(code.length / order.length), rows = Math.ceil(order.length / TILES_PER_ROW);
            const width = TILES_PER_ROW * (tile + 1) - 1, height = rows * (tile + 1) - 1;
            paint(canvas, width, height, (pixels) => {
                for (let at = 0; at < pixels.length; at++) {
                    const unit = unitAt(at % width, Math.floor(at / width), code.length, order);
                    pixels[at] = unit === null ? BLACK : colour(end > 0 ? Math.abs(code[unit]) / end : 0);
                }
            });
        },

        /**
         * A small code as bars, the active ones in colour; a dot marks each unit's mean, a line rho.
         * @param {HTMLCanvasElement} canvas
         * @param {Float32Array} code
         * @param {number} end
         * @param {boolean[]} active
         * @param {Float32Array} mean
         * @param {number | null} target
         */
        bars(canvas, code, end, active, mean, target) {
            const { height, width, place } = BARS;
            canvas.width = place * code.length;
            canvas.height = height;
            const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
            const rowOf = (/** @type {number} */ value) => Math.round((1 - (end > 0 ? Math.min(Math.abs(value) / end, 1) : 0)) * height);
            code.forEach((value, unit) => {
                context.fillStyle = active[unit] ? colours.active : colours.quiet;
                context.fillRect(unit * place, rowOf(value), width, height);
                context.fillStyle = colours.mean;
                context.fillRect(unit * place, Math.min(rowOf(mean[unit]), height - 2), width, 2);
            });
            if (target === null) return;
            for (let at = 0; at < canvas.width; at += 2) context.fillRect(at, Math.min(rowOf(target), height - 1), 1, 1);
        },
    };
}

/** Colours as pixels: red in the lowest byte, then green, blue, and full opacity. @param {Uint8Array} rgb */
function inks(rgb) {
    return Uint32Array.from({ length: rgb.length / 3 }, (_, at) =>
        BLACK + rgb[3 * at] + 2 ** 8 * rgb[3 * at + 1] + 2 ** 16 * rgb[3 * at + 2]);
}

/**
 * The unit at a place of a code's picture; null between tiles.
 * @param {number} column of the picture.
 * @param {number} row
 * @param {number} units
 * @param {number[]} order
 */
export function unitAt(column, row, units, order) {
    const tile = Math.sqrt(units / order.length);
    if (tile === 1) return Math.min(Math.floor(column / BARS.place), units - 1);
    const step = tile + 1, inColumn = column % step, inRow = row % step;
    if (inColumn >= tile || inRow >= tile) return null;
    const place = Math.floor(row / step) * TILES_PER_ROW + Math.floor(column / step);
    return place < order.length ? order[place] * tile ** 2 + inRow * tile + inColumn : null;
}
