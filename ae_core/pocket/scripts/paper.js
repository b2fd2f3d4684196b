// What is on the canvas: test digits and strokes, each of which can be taken back; and the pen.

import { toMnist } from "./drawing.js";

/**
 * @typedef {{ width: number, points: number[][] }} Stroke columns and rows in pixels of the canvas.
 * @typedef {{ image: Float32Array | null, strokes: Stroke[], onEmpty: boolean, replaced: boolean }} Mark
 *     a test digit, strokes, or with neither an empty canvas; whether what was there before is gone; and
 *     whether the next stroke replaces it.
 */

export class Paper {
    /** @type {Mark[]} */ #marks = [];
    /** @type {Float32Array | null} */ #pixels = null;
    /** @type {number | null} */ #pointer = null;
    #isFresh = false;

    /**
     * @param {HTMLCanvasElement} canvas
     * @param {number} penWidth
     * @param {() => void} changed
     */
    constructor(canvas, penWidth, changed) {
        this.canvas = canvas;
        this.changed = changed;
        this.context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
        this.#empty();
        const end = (/** @type {PointerEvent} */ event) => {
            if (event.pointerId === this.#pointer) this.#pointer = null;
        };
        canvas.addEventListener("pointerdown", (event) => {
            if (event.button !== 0 || this.#pointer !== null) return;
            this.#pointer = event.pointerId;
            canvas.setPointerCapture(event.pointerId);
            const onEmpty = this.#marks.length > 0 && this.#marks[this.#marks.length - 1].replaced;
            this.#add({ image: null, strokes: [{ width: penWidth, points: [this.#place(event)] }], onEmpty, replaced: false });
        });
        canvas.addEventListener("pointermove", (event) => {
            if (event.pointerId !== this.#pointer) return;
            const [stroke] = this.#marks[this.#marks.length - 1].strokes;
            const moves = event.getCoalescedEvents?.() ?? [];
            for (const move of moves.length ? moves : [event]) {
                stroke.points.push(this.#place(move));
                this.#line(stroke, stroke.points.length - 2);
            }
            this.#tell();
        });
        canvas.addEventListener("pointerup", end);
        canvas.addEventListener("pointercancel", end);
    }

    /** The picture that the models are to see, without noise; null while the canvas is empty. */
    get pixels() {
        if (!this.#isFresh) {
            const last = this.#marks[this.#marks.length - 1];
            // A test digit is seen as it is, not scaled into its place once more.
            this.#pixels = last?.image ?? toMnist(this.context.getImageData(0, 0, this.canvas.width, this.canvas.height));
            this.#isFresh = true;
        }
        return this.#pixels;
    }

    get canUndo() {
        return this.#marks.length > 0;
    }

    /**
     * @param {Float32Array} image 784 values in [0, 1].
     * @param {boolean} replaced whether the first stroke replaces it.
     */
    place(image, replaced = false) {
        this.#add({ image, strokes: [], onEmpty: true, replaced });
    }

    /** @param {Stroke[]} strokes */
    placeStrokes(strokes) {
        this.#add({ image: null, strokes, onEmpty: true, replaced: false });
    }

    clear() {
        if (this.pixels) this.placeStrokes([]);
    }

    undo() {
        if (this.#pointer !== null || !this.canUndo) return;
        this.#marks.pop();
        const from = this.#marks.reduce((found, mark, index) => (mark.onEmpty ? index : found), 0);
        this.#empty();
        for (const mark of this.#marks.slice(from)) this.#paint(mark);
        this.#tell();
    }

    /** @param {Mark} mark */
    #add(mark) {
        this.#marks.push(mark);
        this.#paint(mark);
        this.#tell();
    }

    #tell() {
        this.#isFresh = false;
        this.changed();
    }

    #empty() {
        this.context.fillStyle = "#000";
        this.context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    }

    /** @param {Mark} mark */
    #paint({ image, strokes, onEmpty }) {
        if (onEmpty) this.#empty();
        const side = image ? Math.sqrt(image.length) : 1, cell = this.canvas.width / side;
        image?.forEach((value, pixel) => {
            if (value === 0) return;
            const level = Math.round(255 * value);
            this.context.fillStyle = `rgb(${level},${level},${level})`;
            this.context.fillRect((pixel % side) * cell, Math.floor(pixel / side) * cell, cell, cell);
        });
        for (const stroke of strokes) stroke.points.forEach((_, index) => this.#line(stroke, Math.max(index - 1, 0)));
    }

    /** A piece of a stroke, or its dot. @param {Stroke} stroke @param {number} from */
    #line({ width, points }, from) {
        const context = this.context, [start, end = start] = points.slice(from, from + 2);
        context.strokeStyle = "#fff";
        context.lineWidth = width;
        context.lineCap = "round";
        context.beginPath();
        context.moveTo(start[0], start[1]);
        context.lineTo(end[0], end[1]);
        context.stroke();
    }

    /** @param {PointerEvent} event */
    #place({ clientX, clientY }) {
        const box = this.canvas.getBoundingClientRect();
        return [((clientX - box.left) * this.canvas.width) / box.width, ((clientY - box.top) * this.canvas.height) / box.height];
    }
}
