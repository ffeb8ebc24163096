"""Mutants: rules with one small fault each, of the kinds that people make."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import promql_parser as promql

from memoryos_generators.duration import Duration
from memoryos_generators.rules.model import Rule

COMPARATORS = {">": (">=", "<"), ">=": (">", "<"), "<": ("<=", ">"), "<=": ("<", ">"), "==": ("!=",), "!=": ("==",)}
SETS = {"and": ("unless", "or"), "unless": ("and", "or"), "or": ("and", "unless")}
ARITHMETIC = {"-": ("+",), "+": ("-",), "*": ("/",)}
AGGREGATIONS = {"max": "min", "min": "max", "count": "max", "sum": "max"}
OVER_TIME = {"max_over_time": "min_over_time", "min_over_time": "max_over_time", "avg_over_time": "max_over_time"}
SEVERITIES = {"critical": "warning", "warning": "info", "info": "warning"}

# How much of the faulty place is shown.
SHOWN = 70

# What kind of fault, how it was changed, and the expression with it.
Fault = tuple[str, str, str]


@dataclass(frozen=True)
class Mutant:
    """A rule with one fault. ``kind`` is what was changed, ``change`` how."""

    rule: Rule
    kind: str
    change: str


def mutants(rule: Rule) -> Iterator[Mutant]:
    """Every mutant of one rule."""
    for kind, change, expr in _expressions(rule.expr):
        yield Mutant(replace(rule, expr=expr), kind, change)
    if rule.alert:
        yield from _of_alert(rule)


def _of_alert(rule: Rule) -> Iterator[Mutant]:
    severity = rule.labels["severity"]
    yield Mutant(replace(rule, labels={**rule.labels, "severity": SEVERITIES[severity]}), "severity", severity)
    for name in ("for_", "keep_firing_for"):
        held = getattr(rule, name)
        for other in {Duration(0), Duration(2 * held)} if held else set():
            changed = replace(rule, for_=other) if name == "for_" else replace(rule, keep_firing_for=other)
            yield Mutant(changed, name.rstrip("_"), f"{held} to {other}")


def _expressions(expr: str) -> Iterator[Fault]:
    """Kind, change and text of every faulty form of an expression."""
    tree = promql.parse(expr)
    nodes: list[promql.Expr] = []
    promql.walk(tree, lambda node: nodes.append(node))
    for index, node in enumerate(nodes):
        for kind, change, text in _faults(node):
            faulty = _with(tree, index, text)
            if faulty is not None:
                yield kind, f"{change} in {_place(node)}", faulty


def _place(node: promql.Expr) -> str:
    """The faulty place in short: of an operator what stands beside it, of anything else its beginning."""
    text = _compact(str(node))
    if not isinstance(node, promql.BinaryExpr):
        return text[:SHOWN]
    left, right = _compact(str(node.lhs)), _compact(str(node.rhs))
    return left[-SHOWN // 2 :] + text[len(left) : len(text) - len(right)] + right[: SHOWN // 2]


def _compact(text: str) -> str:
    return " ".join(text.replace("{}", "").split())


def _with(tree: promql.Expr, index: int, text: str) -> str | None:
    """The expression with its node number ``index`` replaced; None when that is no PromQL."""
    position = -1
    try:
        faulty = promql.parse(f"({text})")
    except ValueError:
        return None

    def visit(_: promql.Expr) -> promql.Expr | None:
        nonlocal position
        position += 1
        return faulty if position == index else None

    try:
        return promql.parse(promql.transform(tree, visit).prettify()).prettify()
    except ValueError:
        return None


def _faults(node: promql.Expr) -> Iterator[Fault]:
    match node:
        case promql.BinaryExpr():
            yield from _binary(node)
        case promql.NumberLiteral():
            yield from _number(node)
        case promql.MatrixSelector() | promql.SubqueryExpr():
            yield from _window(node)
        case promql.VectorSelector():
            yield from _selector(node)
        case promql.AggregateExpr():
            yield from _aggregation(node)
        case promql.Call():
            yield from _call(node)


def _binary(node: promql.BinaryExpr) -> Iterator[Fault]:
    text, left, right = str(node), str(node.lhs), str(node.rhs)
    middle = text[len(left) : len(text) - len(right)].strip()
    operator = middle.split()[0]
    for kind, others in (("comparator", COMPARATORS), ("set operator", SETS), ("arithmetic", ARITHMETIC)):
        for other in others.get(operator, ()):
            yield kind, f"{operator} to {other}", f"{left} {middle.replace(operator, other, 1)} {right}"
    if operator in {"/", "-"}:
        yield "swapped", operator, f"{right} {middle} {left}"
    if operator in SETS or operator in COMPARATORS:
        yield "operand dropped", f"right of {operator}", left
    if operator in SETS:
        yield "operand dropped", f"left of {operator}", right
    yield from _labels(text, middle, lambda changed: f"{left} {changed} {right}")


def _labels(text: str, clause: str, rebuild: Callable[[str], str]) -> Iterator[Fault]:
    """Each label left out of `on (a, b)`, `ignoring (a)`, `by (a, b)` or `without (a)` in ``clause``."""
    match = re.search(r"\b(on|ignoring|by|without) \(([^()]*)\)", clause)
    for label in match[2].split(", ") if match and match[2] else []:
        left = ", ".join(each for each in match[2].split(", ") if each != label)  # type: ignore[index]
        changed = clause.replace(match[0], f"{match[1]} ({left})", 1)  # type: ignore[index]
        yield "label dropped", f"{label} of {match[1]}", rebuild(changed)  # type: ignore[index]


def _number(node: promql.NumberLiteral) -> Iterator[Fault]:
    value = node.val
    for other in (value * 1.5, value / 2) if value else (1.0,):
        yield "threshold", f"{value:g} to {other:g}", f"{other:.17g}"


def _window(node: promql.Expr) -> Iterator[Fault]:
    text = str(node)
    match = re.search(r"\[(\w+)(:\w*)?\]", text[text.rindex("[") :])
    assert match
    length = Duration.parse(match[1])
    for other in (Duration(length * 2), Duration(max(30, length // 2))):
        changed = f"[{other}{match[2] or ''}]"
        yield "window", f"{length} to {other}", text[: text.rindex("[")] + changed + text[text.rindex("]") + 1 :]


def _selector(node: promql.VectorSelector) -> Iterator[Fault]:
    text = str(node)
    match = re.search(r"\{(.+)\}", text)
    for matcher in match[1].split(",") if match else []:
        rest = ",".join(each for each in match[1].split(",") if each != matcher)  # type: ignore[index]
        yield "selector", f"without {matcher}", text.replace(match[0], f"{{{rest}}}")  # type: ignore[index]


def _aggregation(node: promql.AggregateExpr) -> Iterator[Fault]:
    text = str(node)
    function = text.split(maxsplit=1)[0].split("(")[0]
    # `max without (x)` only takes a label off single series: which function does it makes no difference.
    if function in AGGREGATIONS and " by " in text[: text.index("(")]:
        yield "aggregation", function, AGGREGATIONS[function] + text[len(function) :]
    inside = str(node.expr)
    head = text[: text.rindex(inside)] if inside in text else text
    yield from _labels(text, head, lambda changed: changed + text[len(head) :])


def _call(node: promql.Call) -> Iterator[Fault]:
    text = str(node)
    function = text.split("(")[0]
    if function in OVER_TIME:
        yield "function", function, OVER_TIME[function] + text[len(function) :]
