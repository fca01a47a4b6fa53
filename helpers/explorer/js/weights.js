// @ts-check
// How weights and other numbers are made, coloured and said.

export const SHOWN_FROM = 0.095; // weights that round to 0.1 or more carry their number

/**
 * @param {string[]} ramp colours "#rrggbb" from low to high
 * @returns {(place: number) => string} the colour at a place from 0 to 1
 */
export function makeShade(ramp) {
  const channel = (colour, at) =>
    parseInt(colour.slice(at, at + 2), 16);
  const table = Array.from({ length: 201 }, (_, step) => {
    const place = (step / 200) * (ramp.length - 1);
    const low = Math.min(Math.floor(place), ramp.length - 2);
    const mixed = [1, 3, 5].map((at) => {
      const first = channel(ramp[low], at);
      return Math.round(first + (channel(ramp[low + 1], at) - first) * (place - low));
    });
    return `rgb(${mixed.join(",")})`;
  });
  return (place) => table[Math.round(Math.min(Math.max(place, 0), 1) * 200)];
}

/**
 * @param {number[]} row weights
 * @returns {number[]} each as a share of the largest; zeros stay zeros
 */
export function sharesOfLargest(row) {
  const most = Math.max(...row);
  return most > 0 ? row.map((weight) => weight / most) : row;
}

/**
 * @param {number} weight
 * @returns {string} the ink that can be read on the weight's colour
 */
export function inkOn(weight) {
  return weight < 0.467 ? "#fff" : "#000";
}

/**
 * @param {number} weight
 * @returns {string}
 */
export function number(weight) {
  return weight.toFixed(2);
}

/**
 * ".93" where a cell is too narrow for "0.93"; a full weight stays "1.0".
 * @param {number} weight
 * @returns {string}
 */
export function shortNumber(weight) {
  const text = weight.toFixed(2);
  return text.startsWith("0") ? text.slice(1) : "1.0";
}

/**
 * "-0.50", and never "-0.00".
 * @param {number} value
 * @param {number} digits
 * @returns {string}
 */
export function signed(value, digits = 2) {
  const text = value.toFixed(digits);
  return Number(text) === 0 ? text.replace("-", "") : text;
}

/**
 * @param {number[]} scores
 * @param {number} factor
 * @returns {number[]} the softmax of factor times the scores
 */
export function softmaxOf(scores, factor) {
  const top = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(factor * (score - top)));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}

/**
 * @param {number[]} weights
 * @param {string[]} words
 * @param {number} most
 * @returns {string} the largest weights, as in "'cat' 0.93, 'black' 0.05"
 */
export function largest(weights, words, most) {
  const order = weights.map((_, i) => i).sort((i, j) => weights[j] - weights[i]);
  const kept = order.filter((i, rank) => rank === 0 || weights[i] >= 0.05).slice(0, most);
  return kept.map((i) => `'${words[i]}' ${number(weights[i])}`).join(", ");
}
