"""The HTTP endpoints."""

from __future__ import annotations

import gzip
import json
import logging
from functools import partial
from html import escape
from math import isfinite

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from . import __version__
from .exporter import Exporter
from .exposition import END, Format, accepts_gzip, negotiate
from .rollback import decide
from .target import Target
from .webconfig import WebConfig

EXPORTER: web.AppKey[Exporter] = web.AppKey("exporter", Exporter)
TIMEOUT_HEADER = "X-Prometheus-Scrape-Timeout-Seconds"
# An answer that comes after Prometheus has hung up is lost, and with it `memoryos_up 0`.
LARGEST_MARGIN, MARGIN_SHARE = 0.5, 0.2
WORTH_COMPRESSING = 1024  # bytes
LARGEST_BODY = 1024  # bytes of a request: none of ours has a body, and 0 would mean any size

log = logging.getLogger(__name__)


def make_app(exporter: Exporter, web_config: WebConfig | None = None, *, allow_reload: bool = False) -> web.Application:
    """The application; ``allow_reload`` opens POST /-/reload."""
    app = web.Application(middlewares=[_guard(web_config)], client_max_size=LARGEST_BODY)
    app[EXPORTER] = exporter
    app.router.add_get("/", landing_page)
    app.router.add_get("/metrics", metrics)
    app.router.add_get("/probe", probe)
    app.router.add_get("/sd", service_discovery)
    app.router.add_get("/snapshot", snapshot)
    app.router.add_get("/-/healthy", healthy)
    app.router.add_get("/-/ready", healthy)
    if allow_reload:
        app.router.add_post("/-/reload", reload)

    async def close(_: web.Application) -> None:
        await exporter.close()

    app.on_cleanup.append(close)
    if web_config is not None:
        app.cleanup_ctx.append(web_config.watched)
        exporter.also_reload.append(partial(web_config.look_again, unchanged=True))
    return app


async def metrics(request: web.Request) -> web.Response:
    """The exporter's own metrics, and those of the single target if there is one."""
    exporter, form = request.app[EXPORTER], _format(request)
    body = b""
    if exporter.single is not None:
        body = (await exporter.single.read(_deadline(request))).render(form)
    return _exposition(request, body + exporter.metrics.render(form), form)


async def probe(request: web.Request) -> web.Response:
    """The metrics of one configured target; 200 with `memoryos_up 0` when it cannot be read."""
    form = _format(request)
    reading = await _named_target(request).read(_deadline(request))
    return _exposition(request, reading.render(form), form)


async def service_discovery(request: web.Request) -> web.Response:
    """The configured targets; never an empty list, on which Prometheus would drop every target."""
    found = request.app[EXPORTER].service_discovery()
    if found is None:
        return web.Response(
            status=503, text="no configuration is loaded: start with --config FILE (and --external-url)\n"
        )
    return web.json_response(found)


async def snapshot(request: web.Request) -> web.Response:
    """The input of `evaluate_rollback/2` and what it will lead to; 409 when a missing input could change that."""
    exporter = request.app[EXPORTER]
    target = exporter.single if exporter.single and "target" not in request.query else _named_target(request)
    decision = decide(await target.read())
    text = json.dumps(decision.as_json(), indent=2) + "\n"
    status = 200 if decision.verdict else 409
    return web.Response(
        status=status, text=text, content_type="application/json", headers={"Cache-Control": "no-store"}
    )


async def healthy(_: web.Request) -> web.Response:
    """The exporter serves; the targets have metrics of their own."""
    return web.Response(text="MemoryOS exporter is healthy.\n")


async def reload(request: web.Request) -> web.Response:
    """Read the configuration file again."""
    error = request.app[EXPORTER].reload()
    return web.Response(text="configuration read\n") if error is None else web.Response(status=500, text=f"{error}\n")


async def landing_page(request: web.Request) -> web.Response:
    """Links, and what each target last said."""
    exporter = request.app[EXPORTER]
    single = [(exporter.single, "metrics", "snapshot")] if exporter.single else []
    named = [(one, f"probe?target={one.name}", f"snapshot?target={one.name}") for one in exporter.targets.values()]
    rows = "".join(_row(target, read, decision) for target, read, decision in (*single, *named))
    return web.Response(text=PAGE.format(version=escape(__version__), rows=rows), content_type="text/html")


def _row(target: Target, read: str, decision: str) -> str:
    last = target.last
    state = "not read yet" if last is None else "up" if last.error is None else f"down: {last.message}"
    cells = (escape(target.name), escape(target.source.description), escape(state))
    links = f'<a href="{escape(read)}">metrics</a> · <a href="{escape(decision)}">snapshot</a>'
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in (*cells, links)) + "</tr>\n"


PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>MemoryOS exporter</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}}
td,th{{text-align:left;padding:.2rem 1rem .2rem 0;vertical-align:top}}</style></head><body>
<h1>MemoryOS exporter {version}</h1>
<p><a href="metrics">metrics</a> · <a href="sd">service discovery</a> · <a href="-/healthy">healthy</a> ·
<a href="-/ready">ready</a></p>
<table><tr><th>target</th><th>source</th><th>last read</th><th></th></tr>
{rows}</table></body></html>
"""


def _named_target(request: web.Request) -> Target:
    names = request.query.getall("target", [])
    if len(names) != 1:
        raise web.HTTPBadRequest(text="give one target: ?target=NAME; /sd lists the names\n")
    target = request.app[EXPORTER].targets.get(names[0])
    if target is None:
        raise web.HTTPNotFound(text="no target of that name in the configuration; /sd lists the names\n")
    return target


def _format(request: web.Request) -> Format:
    return negotiate(request.headers.get(hdrs.ACCEPT, ""))


def _deadline(request: web.Request) -> float | None:
    """Seconds to answer in, so that Prometheus still hears it; None when the scraper does not say."""
    try:
        timeout = float(request.headers.get(TIMEOUT_HEADER, ""))
    except ValueError:
        return None
    if not isfinite(timeout) or timeout <= 0:
        return None
    return timeout - min(LARGEST_MARGIN, timeout * MARGIN_SHARE)


def _exposition(request: web.Request, body: bytes, form: Format) -> web.Response:
    if form.openmetrics:
        body += END
    headers = {hdrs.CONTENT_TYPE: form.content_type, hdrs.VARY: "Accept, Accept-Encoding"}
    if len(body) > WORTH_COMPRESSING and accepts_gzip(request.headers.get(hdrs.ACCEPT_ENCODING, "")):
        body = gzip.compress(body, compresslevel=1, mtime=0)
        headers[hdrs.CONTENT_ENCODING] = "gzip"
    return web.Response(body=body, headers=headers)


def _guard(web_config: WebConfig | None) -> Middleware:
    """Authentication and headers of the web configuration, and no stack trace to anyone."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            if web_config is None or await web_config.admits(request.headers.get(hdrs.AUTHORIZATION)):
                response = await handler(request)
            else:
                response = web.Response(
                    status=401,
                    text="Unauthorized\n",
                    headers={hdrs.WWW_AUTHENTICATE: 'Basic realm="memoryos-exporter"'},
                )
        except web.HTTPException as refusal:
            response = web.Response(status=refusal.status, text=refusal.text, headers=_allow(refusal))
        except Exception:
            log.exception("request failed", extra={"path": request.path})
            response = web.Response(status=500, text="internal error: the log says more\n")
        if web_config is not None:
            response.headers.update(web_config.headers)
            if request.transport is not None and web_config.outdated(request.transport):
                response.force_close()
        return response

    return guard


def _allow(refusal: web.HTTPException) -> dict[str, str]:
    return {hdrs.ALLOW: refusal.headers[hdrs.ALLOW]} if hdrs.ALLOW in refusal.headers else {}
