// The page's texts, from the one catalogue of the product, and times in the park's zone.

let words = {};
let zone = "UTC";
let closed_s = Infinity;
let language = "en";

export async function speak(wanted) {
  language = wanted;
  const answer = await fetch("/api/v1/words?lang=" + wanted);
  words = (await answer.json()).words;
  document.documentElement.lang = wanted === "zh" ? "zh-CN" : "en";
}

export const spoken = () => language;
// Say times in the park's zone; periods that are still open are said as far as intervals are closed.
export function inZone(name, lastEnd_s) {
  zone = name;
  closed_s = lastEnd_s || Infinity;
}

export function t(text, values) {
  if (!(text in words)) console.error("no words for: " + text);
  const found = words[text] || text;
  return values ? found.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? values[name] : whole)) : found;
}

// A name from the field may be any word, such as one that every JavaScript object knows.
const said = (known, name) => (Object.hasOwn(known, name) ? known[name]() : name);

export const origin = (name) => said({
  grid: () => t("Grid"), solar: () => t("Solar"), wind: () => t("Wind"), storage: () => t("Storage"),
  hydro: () => t("Hydro"), biomass: () => t("Biomass"), geothermal: () => t("Geothermal"),
  certificate: () => t("Certificate"), "grid-unknown": () => t("Unknown origin"),
  unknown: () => t("Unknown origin"), unmetered: () => t("Unmetered"),
}, name);

export const role = (name) => said({
  intake: () => t("Grid connection"), generation: () => t("Generation"), storage: () => t("Storage"),
  load: () => t("Load"), own_use: () => t("Own use of the plant"), unmetered: () => t("Unmetered"),
}, name);

export const method = (name) => said({
  flow: () => t("Flow tracing"), "688-hourly": () => t("Hourly self-use (rule 688)"),
}, name);

export const flag = (letter) => said({
  E: () => t("Shape inside a gap is estimated"), M: () => t("Boundary reading missing"),
  R: () => t("Register rolled over"), D: () => t("Register decreased"), L: () => t("Boundary reading came late"),
  Y: () => t("Shape inside a gap is that of like days"), I: () => t("Boundary value interpolated between two polls"),
  X: () => t("Declared by a person"), Q: () => t("Rise beyond the connection, in quarantine"),
  T: () => t("The clock moved between the boundaries"),
}, letter);

function formatted(ms, options) {
  return new Intl.DateTimeFormat(language === "zh" ? "zh-CN" : "en-GB", { timeZone: zone, hourCycle: "h23", ...options })
    .format(new Date(ms));
}

export const clock = (s) => formatted(s * 1000, { hour: "2-digit", minute: "2-digit" });
export const second = (ms) => formatted(ms, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
export const date = (s) => formatted(s * 1000, { year: "numeric", month: "2-digit", day: "2-digit" });
export const dayKey = (s) => new Intl.DateTimeFormat("sv-SE", { timeZone: zone }).format(new Date(s * 1000));

// "13:45–14:00"; a period that ends with its day ends at 24:00.
export function range(period) {
  const open = period.start_s < closed_s && closed_s < period.end_s;
  const end = clock(open ? closed_s : period.end_s);
  return clock(period.start_s) + "–" + (end === "00:00" ? "24:00" : end);
}
