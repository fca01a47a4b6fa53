// @ts-check
// A slider over the factors that scores are multiplied by before a softmax.
import { createSlider } from "./common.js";

/**
 * It says each factor as a temperature too.
 * @param {number[]} factors 1 among them, where it starts
 * @param {(factor: number) => void} action
 */
export function factorSlider(factors, action) {
  const range = { min: 0, max: factors.length - 1, value: factors.indexOf(1) };
  const slider = createSlider("Factor", "factor", range, (place) => action(factors[place]));
  const say = (factor) => {
    const times = factor.toFixed(2);
    const shown = `${times} (temperature ${(1 / factor).toFixed(2)})`;
    slider.say(factors.indexOf(factor), shown, `factor ${times}`);
  };
  return { root: slider.root, say };
}
