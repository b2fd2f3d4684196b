// The panels and gauges of A or of B: what one model makes of the drawing, on scales that both share.

import { activeUnits, forward, hoyer, read } from "./model.js";
import { unitAt } from "./pictures.js";
import { largest, shareOn, total, valueText } from "./values.js";

/**
 * @typedef {import("./model.js").Model} Model
 * @typedef {import("./lab.js").PageData} PageData
 */

/** The largest code that is shown as bars. */
const MOST_BARS = 64;

/** @param {string} selector @param {ParentNode} [within] @returns {any} the page has each of its parts. */
export const part = (selector, within = document) => within.querySelector(selector);

export class Panels {
    /** @type {{ model: Model, code: Float32Array } | null} what they show. */ shown = null;

    /**
     * @param {"A" | "B"} side
     * @param {PageData} data
     * @param {ReturnType<typeof import("./pictures.js").painter>} paint
     */
    constructor(side, data, paint) {
        this.data = data;
        this.paint = paint;
        this.section = part(`.panels.${side}`);
        this.#tellUnits(part(".panel-code canvas", this.section), part("#tip"));
    }

    /**
     * All but the map, which takes longer; one of another model is taken away.
     * @param {Model} model
     * @param {Float32Array} x what the model sees.
     * @param {Float32Array} clean what its error is taken against.
     * @returns {Float32Array} the reconstruction.
     */
    show(model, x, clean) {
        if (this.shown?.model !== model) this.#awaitMap(true);
        const { code, reconstruction } = forward(model, x), { axes } = this.data.kinds[model.data.kind];
        this.shown = { model, code };
        this.paint.grey(part(".panel-reconstruction canvas", this.section), reconstruction);
        const error = reconstruction.map((value, pixel) => Math.abs(value - clean[pixel]));
        const mse = total(error.map((value) => value ** 2)) / error.length;
        this.#heat("error", "Error of each pixel of the reconstruction", error, shareOn(axes.mse, mse));
        this.#gauge("mse", valueText(mse), shareOn(axes.mse, mse));
        const active = activeUnits(model, code, this.data.activeShare), count = active.filter(Boolean).length;
        this.#gauge("active", `${count} of ${code.length}`, shareOn(axes.activeUnits, count));
        part(".hoyer", this.section).textContent = hoyer(code).toFixed(2);
        this.#code(model, code, active, shareOn(axes.codeSqNorm, total(code.map((value) => value ** 2))));
        return reconstruction;
    }

    /**
     * The map of what a model was asked for; not if another one is shown by now, or none.
     * @param {Model} model
     * @param {Float64Array} sqNorms
     */
    showMap(model, sqNorms) {
        if (this.shown?.model !== model) return;
        const sum = total(sqNorms), share = shareOn(this.data.kinds[model.data.kind].axes.jacobianSqNorm, sum);
        this.#heat("sensitivity", "Sensitivity of the code to each pixel", Float32Array.from(sqNorms, Math.sqrt), share);
        this.#gauge("jacobian", valueText(sum), share);
        this.#awaitMap(false);
    }

    /** What the linear reader takes the drawing for, the likelihood of each digit; null without a reader. */
    reading() {
        return this.shown?.model.reader ? read(this.shown.model.reader, this.shown.code) : null;
    }

    /** The name over the values, and the ends of the axes. @param {string} title @param {import("./lab.js").Axes} axes */
    name(title, { mse, jacobianSqNorm, activeUnits }) {
        part(".panel-values h3", this.section).textContent = title;
        for (const [name, { ends }] of Object.entries({ mse, jacobian: jacobianSqNorm, active: activeUnits })) {
            [...part(`.gauge.${name} .ends`, this.section).children].forEach((end, index) => { end.textContent = ends[index]; });
        }
    }

    /** @param {Model} model @param {Float32Array} code @param {boolean[]} active @param {number} share of ||h||^2. */
    #code({ data, meanActivation }, code, active, share) {
        const within = part(".panel-code", this.section), canvas = part("canvas", within);
        const most = largest(code), strength = this.#strength(share), isSmall = code.length <= MOST_BARS;
        if (isSmall) this.paint.bars(canvas, code, most / strength, active, meanActivation, data.sparsityTarget);
        else this.paint.wall(canvas, code, most / strength, data.order);
        part(".scale", within).hidden = isSmall;
        part(".bars", within).hidden = !isSmall;
        part(".top", within).textContent = `top: ${valueText(most / strength)}`;
        this.#scale(within, most, strength, `Activation of ${code.length} units`);
    }

    /** A map as shares of its largest value, reaching as far into the colours as its model is strong.
     * @param {string} name @param {string} what @param {Float32Array} values @param {number} share of the ladder's axis. */
    #heat(name, what, values, share) {
        const within = part(`.panel-${name}`, this.section), most = largest(values), strength = this.#strength(share);
        this.paint.heat(part("canvas", within), values, most / strength);
        this.#scale(within, most, strength, what);
    }

    /** @param {number} share */
    #strength(share) {
        return part("#own-scales").checked ? 1 : this.data.weakest + (1 - this.data.weakest) * share;
    }

    /** @param {ParentNode} within @param {number} most @param {number} strength @param {string} what */
    #scale(within, most, strength, what) {
        const { style } = part(".scale i i", within);
        style.width = `${100 * strength}%`;
        style.backgroundSize = `${100 / strength}% 100%`;
        part(".end", within).textContent = valueText(most);
        part("canvas", within).setAttribute("aria-label", `${what}, from 0 to ${valueText(most)}.`);
    }

    /** @param {string} name @param {string} words @param {number} share */
    #gauge(name, words, share) {
        const within = part(`.gauge.${name}`, this.section);
        part("b", within).textContent = words;
        part("meter", within).value = share;
        part(".bar i", within).style.width = `${100 * share}%`;
    }

    /** @param {boolean} on */
    #awaitMap(on) {
        part(".panel-sensitivity", this.section).classList.toggle("waiting", on);
        if (on) this.#gauge("jacobian", "…", 0);
    }

    /** Tell the unit that is pointed at, and its activation. @param {HTMLCanvasElement} canvas @param {HTMLElement} tip */
    #tellUnits(canvas, tip) {
        canvas.addEventListener("pointermove", ({ clientX, clientY }) => {
            if (!this.shown) return;
            const { model, code } = this.shown, box = canvas.getBoundingClientRect();
            const column = Math.floor(((clientX - box.left) / box.width) * canvas.width);
            const row = Math.floor(((clientY - box.top) / box.height) * canvas.height);
            const unit = unitAt(column, row, code.length, model.data.order);
            tip.hidden = unit === null;
            if (unit !== null) tip.textContent = `unit ${unit}: ${valueText(code[unit])}`;
            tip.style.left = `${Math.min(clientX + 12, innerWidth - 130)}px`;
            tip.style.top = `${clientY + 12}px`;
        });
        canvas.addEventListener("pointerleave", () => { tip.hidden = true; });
    }
}
