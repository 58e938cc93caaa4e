// Exact figures: whole numbers from JSON to text without a floating point in between.

const GROUP = /\B(?=(\d{3})+(?!\d))/g;
export const NONE = "–";

// Whole numbers beyond 2^53 stay exact where the browser shows us the text of a number.
export function parseExact(text) {
  return JSON.parse(text, (key, value, context) =>
    typeof value === "number" && !Number.isSafeInteger(value) && context && context.source
      ? BigInt(context.source)
      : value);
}

// value / 10^exponent, rounded half away from zero to so many decimals.
export function decimal(value, exponent, decimals) {
  let whole = BigInt(value);
  const negative = whole < 0n;
  if (negative) whole = -whole;
  const drop = exponent - decimals;
  if (drop > 0) {
    const unit = 10n ** BigInt(drop);
    whole = (whole + unit / 2n) / unit;
  } else {
    whole *= 10n ** BigInt(-drop);
  }
  const digits = whole.toString().padStart(decimals + 1, "0");
  const cut = digits.length - decimals;
  const text = digits.slice(0, cut).replace(GROUP, ",") + (decimals ? "." + digits.slice(cut) : "");
  return (negative && whole !== 0n ? "−" : "") + text;
}

function least(value, steps) {
  const size = BigInt(value) < 0n ? -BigInt(value) : BigInt(value);
  return steps.find(([from]) => size >= from) || steps[steps.length - 1];
}

function scaled(value, steps) {
  const [, exponent, decimals, unit] = least(value, steps);
  return [decimal(value, exponent, decimals), unit];
}

const ENERGY = [[10n ** 10n, 9, 2, "GWh"], [10n ** 7n, 6, 2, "MWh"], [1000n, 3, 1, "kWh"], [0n, 0, 0, "Wh"]];
const POWER = [[10n ** 7n, 6, 2, "MW"], [10n ** 5n, 3, 1, "kW"], [1000n, 3, 2, "kW"], [0n, 0, 0, "W"]];
const CARBON = [[10n ** 13n, 12, 2, "t"], [10n ** 9n, 9, 1, "kg"], [10n ** 6n, 6, 1, "g"], [0n, 3, 0, "mg"]];

// Each returns [number, unit] as texts.
export const energy = (wh) => scaled(wh, ENERGY);
export const power = (w) => scaled(w, POWER);
export const carbon = (ug) => scaled(ug, CARBON);
export const share = (ppm) => [decimal(ppm, 4, 1), "%"];
export const kwh = (wh) => [decimal(wh, 3, 3), ""];
export const kilograms = (ug) => [decimal(ug, 9, 3), ""];
export const count = (n) => [decimal(n, 0, 0), ""];

// Grams of CO2 a kilowatt-hour: ug / Wh is mg / kWh.
export function intensity(ug, wh) {
  return BigInt(wh) ? [decimal((BigInt(ug) * 10n) / BigInt(wh), 4, 1), "g/kWh"] : [NONE, ""];
}
