"""The platform's figures as JSON under /api/v1/.

Every answer is {"now_s", ...} or {"problem": {"code", "what", "hint"}}; all figures are whole numbers with the
unit in their name. `GET /api/v1/` lists the routes.
"""

import time
from collections.abc import Callable
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cloud_sync.platform import reports, standing, whole_park
from cloud_sync.platform.page_words import PAGE_WORDS
from cloud_sync.platform.report_bases import bases
from cloud_sync.platform.reports import Figures, Period, Reads
from gateway.core.account.trace import FLOW
from gateway.core.problem import Problem, ProblemError, problem
from gateway.words import LANGUAGES, translate

ROUTES = {
    "/api/v1/": "this list",
    "/api/v1/gateways": "the gateways, each with its chain, last receipt and last interval",
    "/api/v1/overview": "one gateway: park, chain, receipt, last interval, methods and factor sets",
    "/api/v1/summary": "green share, consumption, generation, grid and carbon of the last interval and of the day",
    "/api/v1/live": "power of sources and loads now, in W",
    "/api/v1/flow": "which source fed which load, residuals included (method flow)",
    "/api/v1/tallies": "energy, green share and carbon of each consumer, by method and factor_set",
    "/api/v1/curve": "consumption by origin over the day",
    "/api/v1/storage": "what each storage holds, by origin",
    "/api/v1/residuals": "balance of every busbar",
    "/api/v1/completeness": "what came of what should have come, by the hour, and what is missing",
    "/api/v1/composed": "how the day of a park of several gateways was composed, and what of it is not whole",
    "/api/v1/self-use": "the shares asked for by the direct-supply rules, over the day",
    "/api/v1/intervals": "the intervals of the day with their place in the chain and their Merkle root",
    "/api/v1/words": "the texts of the page in a language (lang=zh or lang=en)",
    "/api/v1/report": "the report on a park (park=) in a year, month or day (period=), as JSON",
    "/api/v1/events": "server-sent events: interval, readings, receipt, composed",
}
UNKNOWN_GATEWAY = "WP-PLT-201"
PARAMETERS = {
    "gateway": "name of a gateway, or park/<name> for a park of several; the first one by default",
    "period": "interval (the last one, default) or day",
    "day": "local day of the park, YYYY-MM-DD; today by default",
    "method": "flow (default) or 688-hourly",
    "factor_set": "id of a factor set; the gateway's first by default",
}


class Answers:
    """The questions that the routes answer, over one ledger, one time zone and one clock."""

    def __init__(self, ledger: Reads, zone: ZoneInfo, now: Callable[[], float] = time.time) -> None:
        self.ledger = ledger
        self.zone = zone
        self.now = now

    def now_s(self) -> int:
        """Return the platform's time in whole seconds."""
        return int(self.now())

    def names(self) -> list[str]:
        """Return whose figures there are: gateways, then parks of several gateways."""
        return standing.gateways(self.ledger) + whole_park.parks(self.ledger)

    def gateway(self, request: Request) -> str:
        """Return the gateway asked for; raises ProblemError where there is none of that name."""
        names = self.names()
        name = request.query_params.get("gateway") or (names[0] if names else "")
        if name in names:
            return name
        raise ProblemError(
            problem(
                "WP-PLT-201",
                "gateway",
                "The platform knows no gateway named {name}.",
                "Ask /api/v1/gateways for the names; enrol the gateway with `wattproof-platform enrol`.",
                name=name or "-",
            )
        )

    def day(self, request: Request) -> Period:
        """Return the local day asked for, today by default."""
        text = request.query_params.get("day") or standing.day_of(self.zone, self.now_s())
        try:
            return standing.day_period(self.zone, text)
        except (ValueError, OverflowError) as error:
            raise ProblemError(
                problem(
                    "WP-PLT-202",
                    "day",
                    "{text} is not a day.",
                    "Write the park's local day as YYYY-MM-DD.",
                    text=text,
                )
            ) from error

    def period(self, request: Request, gateway: str) -> Period | None:
        """Return the day asked for, or the last interval; None before the first interval."""
        kind = request.query_params.get("period", "interval")
        if kind not in ("interval", "day"):
            raise ProblemError(
                problem(
                    "WP-PLT-203",
                    "period",
                    "{kind} is not a period of the page.",
                    "Ask for period=interval or period=day.",
                    kind=kind,
                )
            )
        return self.day(request) if kind == "day" else reports.last_interval(self.ledger, gateway)

    def choice(self, request: Request, gateway: str) -> tuple[str, str]:
        """Return the method and the factor set asked for, or the gateway's first ones."""
        factor_sets = self.factor_sets(gateway)
        method = request.query_params.get("method") or FLOW
        return method, request.query_params.get("factor_set") or (factor_sets[0] if factor_sets else "")

    def factor_sets(self, gateway: str) -> list[str]:
        """Return the factor sets of *gateway*, in the order of its configuration."""
        tallied: list[str] = reports.choices(self.ledger, gateway)["factor_sets"]
        configured = standing.site(self.ledger, gateway).get("gateway", {}).get("factor_sets", [])
        return [one for one in configured if one in tallied] + [one for one in tallied if one not in configured]

    def contents(self, request: Request) -> Figures:
        """Return the list of routes and parameters."""
        return {"routes": ROUTES, "parameters": PARAMETERS, "zone": self.zone.key}

    def gateways(self, request: Request) -> Figures:
        """Return all gateways."""
        return {"gateways": [standing.overview(self.ledger, name) for name in standing.gateways(self.ledger)]}

    def overview(self, request: Request) -> Figures:
        """Return how one gateway stands, and what may be chosen on the page."""
        names = self.names()
        day = self.day(request)
        common = {
            "gateways": names,
            "zone": self.zone.key,
            "day": standing.day_of(self.zone, day.start_s),
            "today": standing.day_of(self.zone, self.now_s()),
        }
        if not names:
            return {**common, "gateway": None}
        name = self.gateway(request)
        choices = reports.choices(self.ledger, name)
        return {
            **common,
            **whole_park.overview(self.ledger, name, telling(language_of(request))),
            "methods": choices["methods"],
            "factor_sets": self.factor_sets(name),
        }

    def summary(self, request: Request) -> Figures:
        """Return the key figures of the last interval and of the day."""
        name = self.gateway(request)
        method, factor_set = self.choice(request, name)
        day, last = self.day(request), reports.last_interval(self.ledger, name)

        def of(period: Period | None) -> Figures | None:
            if period is None:
                return None
            figures = {**period._asdict(), **reports.balance(self.ledger, name, period)}
            tallied = self.tallied(name, period, method, factor_set)
            return {**figures, "tally": {"covers": tallied["covers"], **tallied["total"]}}

        return {"method": method, "factor_set": factor_set, "last": of(last), "day": of(day)}

    def tallied(self, name: str, period: Period, method: str, factor_set: str) -> Figures:
        """Return the tallies of *period*; of the method's last own period where *period* is shorter than that."""
        found = reports.tallies(self.ledger, name, period, method, factor_set)
        if found["covers"] is None and method != FLOW and period.end_s - period.start_s < standing.HOUR_S:
            own = reports.last_self_use(self.ledger, name, period)
            if own is not None:
                return reports.tallies(self.ledger, name, own, method, factor_set)
        return found

    def live(self, request: Request) -> Figures:
        """Return sources and loads now."""
        return whole_park.live(self.ledger, self.gateway(request), self.now_s())

    def flow(self, request: Request) -> Figures:
        """Return who fed whom."""
        name = self.gateway(request)
        period = self.period(request, name)
        if period is None:
            return {"period": None, "method": FLOW, "nodes": [], "links": []}
        return {"period": period._asdict(), **reports.flow(self.ledger, name, period)}

    def tallies(self, request: Request) -> Figures:
        """Return each consumer's green share and carbon."""
        name = self.gateway(request)
        period = self.period(request, name)
        method, factor_set = self.choice(request, name)
        if period is None:
            return {
                "period": None, "method": method, "factor_set": factor_set, "covers": None, "loads": [], "basis": [],
            }  # fmt: skip
        flags = {row["meter_point"]: row["flags"] for row in reports.energies(self.ledger, name, period)}
        found = self.tallied(name, period, method, factor_set)
        for load in found["loads"]:
            load["flags"] = flags.get(load["meter_point"], "")
        covered = Period(**found["covers"]) if found["covers"] else period
        return {"period": period._asdict(), **found, "basis": bases(self.ledger, name, covered, method)}

    def curve(self, request: Request) -> Figures:
        """Return the day's consumption by origin in steps."""
        name = self.gateway(request)
        _method, factor_set = self.choice(request, name)
        day = self.day(request)
        return {"period": day._asdict(), **reports.curve(self.ledger, name, day, factor_set)}

    def storage(self, request: Request) -> Figures:
        """Return what storages hold."""
        return {"storages": reports.storage(self.ledger, self.gateway(request))}

    def residuals(self, request: Request) -> Figures:
        """Return every busbar's balance."""
        name = self.gateway(request)
        period = self.period(request, name)
        if period is None:
            return {"period": None, "busbars": []}
        return {"period": period._asdict(), "busbars": reports.residuals(self.ledger, name, period)}

    def completeness(self, request: Request) -> Figures:
        """Return what came of the day."""
        name, day = self.gateway(request), self.day(request)
        return {"period": day._asdict(), **standing.completeness(self.ledger, name, day, self.now_s())}

    def composed(self, request: Request) -> Figures:
        """Return how the day of a park was composed; nothing is of a single gateway."""
        name, day = self.gateway(request), self.day(request)
        return {"period": day._asdict(), **whole_park.composed(self.ledger, name, day, telling(language_of(request)))}

    def self_use(self, request: Request) -> Figures:
        """Return the shares of the direct-supply rules."""
        name, day = self.gateway(request), self.day(request)
        return {"period": day._asdict(), **standing.self_use(self.ledger, name, day)}

    def intervals(self, request: Request) -> Figures:
        """Return the intervals of the day."""
        name, day = self.gateway(request), self.day(request)
        return {"period": day._asdict(), "intervals": reports.intervals(self.ledger, name, day)}

    def words(self, request: Request) -> Figures:
        """Return the page's texts in a language."""
        language = language_of(request)
        return {"lang": language, "words": {text: translate(text, language) for text in PAGE_WORDS}}


def language_of(request: Request) -> str:
    """Return the language asked for by ?lang=, or by the browser's first wish."""
    asked = request.query_params.get("lang") or request.headers.get("accept-language", "")
    for wish in asked.lower().split(","):
        if wish.strip()[:2] in LANGUAGES:
            return wish.strip()[:2]
    return "en"


def telling(language: str) -> Callable[[Problem], Figures]:
    """Return what puts a problem into words of *language*, as JSON has it."""

    def tell(one: Problem) -> Figures:
        values = {name: str(value) for name, value in one.values.items()}
        return {
            "code": one.code,
            "where": one.where,
            "what": translate(one.what, language).format(**values),
            "hint": translate(one.hint, language).format(**values),
        }

    return tell


def refused(request: Request, status_code: int, problem: Problem) -> Response:
    """Return *problem* as JSON, in the language of *request*."""
    return JSONResponse({"problem": telling(language_of(request))(problem)}, status_code=status_code)


def routes(answers: Answers) -> list[Route]:
    """Return the routes of the API, each answering with the figures of one question."""

    def route(path: str, question: Callable[[Request], Figures]) -> Route:
        def answer(request: Request) -> Response:  # not async: on a thread, so that the ledger never holds up the loop
            try:
                figures = question(request)
            except ProblemError as error:
                first = error.problems[0]
                return refused(request, 404 if first.code == UNKNOWN_GATEWAY else 400, first)
            return JSONResponse({"now_s": answers.now_s(), **figures}, headers={"Cache-Control": "no-store"})

        return Route("/api/v1/" + path, answer, name="api-" + path)

    return [
        route("", answers.contents),
        route("gateways", answers.gateways),
        route("overview", answers.overview),
        route("summary", answers.summary),
        route("live", answers.live),
        route("flow", answers.flow),
        route("tallies", answers.tallies),
        route("curve", answers.curve),
        route("storage", answers.storage),
        route("residuals", answers.residuals),
        route("completeness", answers.completeness),
        route("composed", answers.composed),
        route("self-use", answers.self_use),
        route("intervals", answers.intervals),
        route("words", answers.words),
    ]
