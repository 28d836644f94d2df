# SPDX-License-Identifier: MIT
"""The checker of dashboards must bite: each of these breakages is found, and named."""

import sys

import check_dashboards

PROMETHEUS = "teplo-prometheus.json"
REDIS = "teplo-redis.json"
ALERTS = "teplo-alerts.yml"
# Where, what is replaced (once), by what, and what the complaint says.
BREAKAGES = [
    (PROMETHEUS, "teplo_pending_requests", "teplo_pending_request", "no such metric"),
    (PROMETHEUS, "teplo_checkout_wait_seconds_bucket", "teplo_checkout_wait_seconds", "no such metric"),
    (PROMETHEUS, "rate(teplo_calls_total", "rate(teplo_calls", "no such metric"),
    (PROMETHEUS, 'reason=\\"lost\\"', 'cause=\\"lost\\"', "has no label cause"),
    (PROMETHEUS, 'reason=\\"lost\\"', 'reason=\\"gone\\"', "reason is never gone"),
    (PROMETHEUS, "unknown|result_lost", "unsure|result_lost", "outcome is never unsure"),
    (PROMETHEUS, "sum by (outcome)", "sum by (result)", "has the label result"),
    (PROMETHEUS, "{{outcome}}", "{{class}}", "the legend names class"),
    (PROMETHEUS, "sum(rate(teplo_calls_total", "sum((teplo_calls_total", "only grows"),
    (PROMETHEUS, "max(teplo_pending_oldest_seconds", "rate(teplo_pending_oldest_seconds", "no rate of it"),
    (PROMETHEUS, "sum(teplo_ready{", "sum((teplo_ready{", "a ) is missing"),
    (PROMETHEUS, "sum(teplo_ready", "summe(teplo_ready", "no such metric: summe"),
    (PROMETHEUS, 'pool=~\\"$pool\\"', 'pool=~\\"$pol\\"', "no variable $pol"),
    (PROMETHEUS, "label_values(teplo_build_info, instance)", "label_values(teplo_build_info, pool)", "no label pool"),
    (PROMETHEUS, '"uid": "teplo-prometheus"}', '"uid": "prometheus"}', "is not provisioned"),
    (PROMETHEUS, '"id": 2,', '"id": 1,', "the same id"),
    (REDIS, "teplo:{main}:v1:fleet", "teplo:{main}:v1:flet", "is not in the schema"),
    (REDIS, "teplo:{main}:v1:fleet", "teplo:main:v1:fleet", "is not in the schema"),
    (REDIS, "inst_live inst_dead", "inst_live,inst_dead", "separated by one blank"),
    (REDIS, "inst_live inst_dead", "inst_live  inst_dead", "separated by one blank"),
    (REDIS, '"field": "rps"', '"field": "rpm"', "no such fields"),
    (REDIS, '"field": "health_code"', '"field": "health"', "these are texts: health"),
    (REDIS, '"query": ""', '"query": "HGETALL x"', "with an empty query"),
    (REDIS, "ts10s:$pool", "ts10s:$inst:$pool", "is not in the schema"),
    (REDIS, '"start": "-"', '"start": "$__from"', "take no variables"),
    (REDIS, '"end": "+"', '"end": "+", "count": 5', "the oldest entries"),
    (REDIS, '"start": "+"', '"start": "-"', "xrevrange from - to -"),
    (REDIS, '"command": "xrange"', '"command": "hmget"', "is not in the schema"),
    (REDIS, '"$time", "lat_p50_ms"', '"$time", "lat_p50"', "filter: no column lat_p50"),
    (REDIS, '"last_err_class": "Last error"', '"last_error": "Last error"', "organize: no column last_error"),
    (REDIS, '"options": "Since"', '"options": "Sinc"', "no column Sinc is shown"),
    (REDIS, '"options": "Since"', '"options": "Why"', "Why is a text, and used as a number"),
    (REDIS, "ZRANGE teplo:{main}:v1:pools", "ZRANGE teplo:{main}:v1:fleet", "no ZRANGE of a sorted set"),
    (REDIS, '"uid": "teplo-redis"}', '"uid": "teplo-prometheus"}', "is not provisioned"),
    (ALERTS, "teplo_pending_oldest_seconds > 1", "teplo_pending_oldest_ms > 1", "no such metric"),
    (ALERTS, "sum by (instance, pool)", "sum by (instance)", "has no label pool"),
    (ALERTS, "expr: teplo_pending_oldest_seconds", "expr: max(teplo_pending_oldest_seconds)", "has no label pool"),
    (ALERTS, 'state="open"', 'state="opened"', "state is never opened"),
    (ALERTS, "increase(teplo_errors_total", "sum(teplo_errors_total", "TeploMayHaveRun"),
    (ALERTS, "alert: TeploQueueFull", "alert: TeploCallsWait", "a name of its own"),
]


def faults(name, text):
    if name == ALERTS:
        return list(check_dashboards.faults_of_alerts(text))
    return list(check_dashboards.faults_of_dashboard(text, check_dashboards.datasources()))


def main():
    texts = {ALERTS: check_dashboards.ALERTS.read_text()}
    for name in (PROMETHEUS, REDIS):
        texts[name] = (check_dashboards.GRAFANA / "dashboards" / name).read_text()
    missed = 0
    for name, old, new, complaint in BREAKAGES:
        assert old in texts[name], f"{name} has no {old} any more: choose another breakage"
        found = faults(name, texts[name].replace(old, new, 1))
        if not any(complaint in fault for fault in found):
            print(f"{name}: {old} -> {new}: not {complaint!r} but {found}")
            missed += 1
    for name, text in texts.items():
        assert not faults(name, text), name
    sys.exit(1 if missed else 0)


main()
