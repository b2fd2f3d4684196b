// The models of the file, and what one picture shows under one of them: `ae_core/analysis/inspection.py`.

import { PIXELS } from "./drawing.js";
import { mapMaker } from "./jacobian.js";
import { activeUnits, forward, hoyer, openModel } from "./model.js";
import { total } from "./values.js";

/**
 * @typedef {import("./model.js").Model} Model
 * @typedef {import("./model.js").ModelData} ModelData
 * @typedef {import("./values.js").Axis} Axis
 * @typedef {"A" | "B"} Side
 * @typedef {{ mse: Axis, codeSqNorm: Axis, jacobianSqNorm: Axis, activeUnits: Axis }} Axes
 * @typedef {{ symbol: string, start: Record<Side, string>, axes: Axes }} KindData
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

/** @param {string} id */
export const text = (id) => document.getElementById(id)?.textContent ?? "";

/** Each model is opened when it is first asked for. @param {PageData} data */
export function openLab(data) {
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
