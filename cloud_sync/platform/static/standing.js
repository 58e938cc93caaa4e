// The frame above the figures: who, how the chain stands, what is being waited for, and what may be chosen.
import { count, share } from "./exact.js";
import { byId, el, figure } from "./dom.js";
import { date, dayKey, method, range, second, spoken, t } from "./words.js";

const LATE_STEPS = 3; // an interval is late when two more should have followed it

export function heading(overview) {
  byId("park").textContent = overview.park || overview.gateway || "Wattproof";
  const name = { name: overview.gateway };
  byId("gateway").textContent = overview.gateway
    ? [overview.composed ? t("Park {name}", name) : t("Gateway {name}", name), overview.province].filter(Boolean).join(" · ") : "";
  document.title = (overview.park || overview.gateway || "") + (overview.gateway ? " – Wattproof" : "Wattproof");
}

export function languages() {
  for (const link of byId("languages").children) {
    const address = new URL(location.href);
    address.searchParams.set("lang", link.dataset.lang);
    link.href = address.search;
    if (link.dataset.lang === spoken()) link.setAttribute("aria-current", "true");
  }
}

function fact(name, what, more, mood) {
  return el("div", {}, el("p", { class: "name" }, name), el("p", { class: "what time " + (mood || "") }, what),
    el("p", { class: "more time" }, ...[].concat(more)));
}

export function standing(overview) {
  if (!overview.gateway) return byId("standing").replaceChildren();
  const { interval, early, chain, receipt } = overview;
  const today = (s) => (dayKey(s) === overview.today ? "" : date(s) + " ");
  const length = interval ? interval.end_s - interval.start_s : 0;
  const late = interval && overview.now_s - interval.end_s > LATE_STEPS * length;
  const states = {
    whole: [t("Unbroken"), "good"], gap: [t("Waiting for earlier entries"), "warn"],
    clone: [t("Cloned: its key writes in two places"), "bad"],
    branch: [t("Branched: the gateway's journal was set back"), "bad"], empty: [t("No entry yet"), ""],
  };
  const [state, mood] = states[chain.state];
  const troubles = [
    chain.conflicts ? t("{n} set aside as counted before", { n: chain.conflicts }) : "",
    chain.held ? t("{n} batches wait for those before them", { n: chain.held }) : "",
    chain.left_out ? t("{n} entries left out by the gateway", { n: chain.left_out }) : "",
    chain.refused ? t("{n} batches refused", { n: chain.refused }) : "",
    chain.contradictions ? t("{n} checkpoints contradict what was cosigned", { n: chain.contradictions }) : "",
    chain.unread ? t("{n} entries unreadable", { n: chain.unread }) : "",
  ].filter(Boolean).join(" · ");
  const facts = [
    fact(t("Last interval"), interval ? today(interval.start_s) + range(interval) : t("None yet"),
      interval ? [t("Complete") + " ", figure("interval.complete_ppm", interval.complete_ppm, share),
        late ? el("span", { class: "warn" }, " · " + t("late")) : "",
        early ? " · " + t("{interval} came before its turn", { interval: today(early.start_s) + range(early) }) : ""]
        : "", late ? "warn" : ""),
    fact(t("Signed chain"), state,
      chain.entries ? [figure("chain.entries", chain.entries, count), " ", t("entries"), " · ",
        chain.head_link ? el("span", { title: chain.head_link }, t("head {link}", { link: chain.head_link.slice(0, 12) + "…" })) : "",
        troubles ? el("span", { class: "warn" }, " · " + troubles) : ""] : "", mood),
    fact(t("Last receipt"), receipt ? today(receipt.at_ms / 1000) + second(receipt.at_ms) : t("None yet"),
      receipt ? [t("through entry") + " ", figure("receipt.through_sequence", receipt.through_sequence, count)] : ""),
    fact(t("Last readings"), overview.readings_at_ms
      ? today(overview.readings_at_ms / 1000) + second(overview.readings_at_ms) : t("None yet"),
      overview.readings_at_ms ? t("live values of the meters") : ""),
  ];
  if (overview.composed) facts.push(composition(overview.composed));
  byId("standing").replaceChildren(...facts);
}

// What the newest period of a park of several gateways was composed of.
function composition({ gateways, newest }) {
  const states = {
    whole: [t("Whole"), ""], partial: [t("A gateway is missing"), "warn"], refused: [t("Not composed"), "bad"],
  };
  const [state, mood] = newest ? states[newest.state] : [t("None yet"), ""];
  const more = newest && newest.missing.length
    ? t("without {gateways}; what came from there counts as unmetered", { gateways: newest.missing.join(", ") })
    : gateways.join(", ");
  const problems = newest ? newest.problems.map((one) => el("span", { class: "warn", title: one.hint }, " · " + one.code + " " + one.what)) : [];
  return fact(t("Composed of several gateways"), state, [more, ...problems], mood);
}

export function waiting(overview) {
  const place = byId("waiting");
  place.hidden = Boolean(overview.interval);
  if (overview.interval) return;
  const steps = [
    [Boolean(overview.gateway), t("A gateway is enrolled"),
      [t("On the platform:") + " ", el("code", {}, "wattproof-platform enrol")]],
    [Boolean(overview.gateway) && overview.chain.state !== "empty", t("Its first signed batch arrives"),
      [t("The gateway's daemon runs and reaches the broker:") + " ", el("code", {}, "wattproof doctor")]],
    [Boolean(overview.readings_at_ms), t("Meters give readings"),
      [t("Every meter answers on its bus:") + " ", el("code", {}, "wattproof status")]],
    [false, t("The first interval closes"), t("An interval closes at its end, when the registers of both boundaries are read.")],
  ];
  const next = steps.findIndex(([done]) => !done);
  place.replaceChildren(
    el("h2", {}, t("Waiting until: {what}", { what: steps[next][1] })),
    el("p", {}, t("There are no figures to show yet. This page fills itself as soon as they come.")),
    el("ol", {}, ...steps.map(([done, title, more], index) => el("li", { class: done ? "done" : index === next ? "now" : "" },
      el("div", {}, el("strong", {}, title), done ? "" : el("p", { class: "more" }, ...[].concat(more)))))));
}

// The form of choices; tell(name, value) is called with what a person chose.
export function controls(overview, chosen, tell) {
  const form = byId("controls");
  form.hidden = !overview.interval;
  if (form.contains(document.activeElement) && form.childElementCount) return;
  const select = (name, title, options, said) => el("label", {}, title,
    el("select", { name, onchange: (event) => tell(name, event.target.value) },
      ...options.map((option) => el("option", { value: option, selected: option === chosen[name] }, said(option)))));
  const press = (value, text) => el("button", {
    type: "button", "aria-pressed": String(chosen.period === value), "data-period": value, onclick: () => tell("period", value),
  }, text);
  form.replaceChildren(...[
    overview.gateways.length > 1 ? select("gateway", t("Gateway"), overview.gateways, (name) => name) : "",
    el("fieldset", {}, el("legend", {}, t("Tables and flow of")), el("span", { class: "choice" },
      press("interval", t("Last interval")), press("day", t("Whole day")))),
    el("label", {}, t("Day"), el("input", {
      type: "date", name: "day", value: overview.day, max: overview.today, onchange: (event) => tell("day", event.target.value),
    })),
    overview.methods.length ? select("method", t("Trace method"), overview.methods, method) : "",
    overview.factor_sets.length ? select("factor_set", t("Emission factors"), overview.factor_sets, (name) => name) : "",
  ].filter(Boolean));
}

export function foot(overview) {
  byId("foot").replaceChildren(
    el("p", {}, t("A day is the park's local day ({zone}). All figures are whole watt-hours taken from signed register readings.",
      { zone: overview.zone })),
    el("p", {}, el("a", { href: "/report?lang=" + spoken() }, t("Report of the year")), " · ",
      el("a", { href: "/api/v1/" }, t("All figures as JSON"))));
}

export function link(on, since) {
  const place = byId("link");
  place.className = "link " + (on ? "on" : "off");
  place.textContent = on ? t("live") : t("not connected");
  byId("lost").hidden = on;
  if (!on) byId("lost").textContent = t("No connection to the platform. The figures below are as of {time}.", { time: second(since) });
}
