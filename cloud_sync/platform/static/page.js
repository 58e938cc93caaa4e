// The page: asks the platform for figures, shows them, and asks again when the platform says there is news.
import { parseExact } from "./exact.js";
import { byId } from "./dom.js";
import { fit } from "./charts.js";
import * as cards from "./cards.js";
import * as accounts from "./accounts.js";
import * as standing from "./standing.js";
import { inZone, speak } from "./words.js";

const SETTLE_MS = 250; // news comes in bursts: readings, interval and receipt of one batch
const BEAT_MS = 16000; // the platform beats every 5 s; three are missed before the line counts as dead
const LOOK_MS = 30000; // the standing is asked for this often, so that a silent gateway becomes late on the page
const CHOICES = ["gateway", "period", "day", "method", "factor_set"];

const asked = new URLSearchParams(location.search);
const chosen = Object.fromEntries(CHOICES.map((name) => [name, asked.get(name) || ""]));
if (chosen.period !== "day") chosen.period = "interval";
let fresh = Date.now(); // when figures last came
let heard = Date.now(); // when the platform was last heard
let connected = true;
let pending = null;
let round = 0;

function address(path) {
  const query = new URLSearchParams(Object.entries(chosen).filter(([, value]) => value));
  return "/api/v1/" + path + "?" + query;
}

async function ask(path) {
  const answer = await fetch(address(path), { cache: "no-store" });
  const figures = parseExact(await answer.text());
  if (figures.problem) throw new Error(figures.problem.code + " " + figures.problem.what);
  return figures;
}

async function show() {
  const mine = ++round;
  try {
    const overview = await ask("overview");
    if (mine !== round) return;
    inZone(overview.zone, overview.interval && overview.interval.end_s);
    standing.heading(overview);
    standing.standing(overview);
    standing.waiting(overview);
    standing.foot(overview);
    if (overview.gateway) {
      if (!overview.methods.includes(chosen.method)) chosen.method = overview.methods[0] || "";
      if (!overview.factor_sets.includes(chosen.factor_set)) chosen.factor_set = overview.factor_sets[0] || "";
      standing.controls(overview, { ...chosen, gateway: overview.gateway }, choose);
      await figures(overview, mine);
    }
    byId("main").setAttribute("aria-busy", "false");
    fresh = Date.now();
    line(true);
  } catch (error) {
    line(false); // figures that could not be asked for or drawn are old, whatever the reason
    if (!(error instanceof TypeError)) throw error; // a failed fetch is a TypeError; anything else is for the console
  }
}

async function figures(overview, mine) {
  const wanted = overview.interval
    ? ["live", "summary", "curve", "flow", "tallies", "storage", "residuals", "completeness", "self-use"]
    : overview.readings_at_ms ? ["live"] : [];
  const answers = await Promise.all(wanted.map(ask));
  if (mine !== round) return;
  const drawing = {
    live: cards.powers, summary: cards.keys, curve: cards.curve, flow: cards.flow, tallies: accounts.tallies,
    storage: cards.storages, residuals: accounts.balance, completeness: accounts.completeness, "self-use": accounts.selfUse,
  };
  wanted.forEach((path, index) => drawing[path](answers[index], address(path)));
  fit();
}

function choose(name, value) {
  chosen[name] = value;
  if (name === "gateway") Object.assign(chosen, { method: "", factor_set: "" });
  const place = new URL(location.href);
  for (const one of CHOICES) chosen[one] ? place.searchParams.set(one, chosen[one]) : place.searchParams.delete(one);
  history.replaceState(null, "", place);
  document.activeElement.blur();
  standing.languages();
  show();
}

function line(on) {
  connected = on;
  standing.link(on, fresh);
}

function soon() {
  if (pending === null) pending = setTimeout(() => { pending = null; show(); }, SETTLE_MS);
}

let events = null;
function listen() {
  if (events) events.close();
  heard = Date.now();
  events = new EventSource("/api/v1/events");
  events.onopen = () => { heard = Date.now(); if (!connected) soon(); };
  events.onerror = () => line(false);
  for (const kind of ["interval", "readings", "receipt", "composed", "gateway"]) {
    events.addEventListener(kind, () => { heard = Date.now(); soon(); });
  }
  events.addEventListener("beat", () => { heard = Date.now(); if (!connected) soon(); });
}

// A browser gives up on some errors, and a cut line says nothing: look after the stream ourselves.
setInterval(() => {
  if (Date.now() - heard > BEAT_MS || events.readyState === EventSource.CLOSED) {
    line(false);
    listen();
  }
}, 2000);
setInterval(soon, LOOK_MS);
addEventListener("resize", fit);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", soon);

const wish = asked.get("lang") || navigator.language || "en";
await speak(wish.toLowerCase().startsWith("zh") ? "zh" : "en");
standing.languages();
listen();
await show();
