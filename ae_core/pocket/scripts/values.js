// Values: how they are written, and where they lie on a logarithmic axis, as in `ae_core/analysis/notation.py`
// and `ladder_range.py`.

const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** @typedef {{ lowest: number, highest: number, ends: string[] }} Axis */

/**
 * A measured value with three significant digits: 0.0123, 12.3, 1230, 3.21·10⁻⁵.
 * @param {number} value
 */
export function valueText(value) {
    const size = Math.abs(value), rounded = Number(size.toPrecision(3)), sign = value < 0 ? "−" : "";
    if (rounded === 0) return "0";
    if (rounded >= 0.001 && rounded <= 9999) return sign + rounded;
    const [digits, exponent] = size.toExponential(2).split("e").map(Number);
    const power = String(Math.abs(exponent)).replace(/\d/g, (digit) => RAISED[Number(digit)]);
    return `${sign}${digits === 1 ? "" : `${digits}·`}10${exponent < 0 ? "⁻" : ""}${power}`;
}

/**
 * Where a value lies on an axis, in [0, 1]; what lies beyond an end is at that end.
 * @param {Axis} axis
 * @param {number} value
 */
export function shareOn({ lowest, highest }, value) {
    if (value <= lowest) return 0;
    if (value >= highest) return 1;
    return Math.log(value / lowest) / Math.log(highest / lowest);
}

/** @param {Iterable<number>} values */
export function total(values) {
    let sum = 0;
    for (const value of values) sum += value;
    return sum;
}

/** @param {Iterable<number>} values */
export function largest(values) {
    let most = 0;
    for (const value of values) most = Math.max(most, Math.abs(value));
    return most;
}
