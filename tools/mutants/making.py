"""Lists the mutants of a module: what is changed, where, and the text that then stands there."""

import ast
import copy
import difflib
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

COMPARED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
COMPUTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitOr,
}
# Calls of which the opposite reads as well.
OPPOSITES = {"min": "max", "max": "min", "any": "all", "all": "any"}
# Texts are no numbers: a minus between two of them fails wherever it runs and would only flatter the tests.
TEXTS = (ast.JoinedStr, ast.Tuple, ast.List, ast.ListComp)


class Mutant(NamedTuple):
    """One change: the piece of *place* from *start* to *end* (line, byte in it) becomes *text*."""

    id: str
    module: str
    place: str
    scope: str  # qualified name of the outermost function, empty where the module itself or a class body runs it
    operator: str
    start: tuple[int, int]
    end: tuple[int, int]
    text: str

    @property
    def line(self) -> int:
        """The line where the change begins."""
        return self.start[0]


class Change(NamedTuple):
    """A node and the text that takes its place."""

    scope: str
    operator: str
    node: ast.expr | ast.stmt
    text: str


def is_text(node: ast.expr) -> bool:
    """Say whether *node* is written as a text or a row of things."""
    return isinstance(node, TEXTS) or (isinstance(node, ast.Constant) and isinstance(node.value, str | bytes))


def compared(node: ast.Compare) -> Iterator[tuple[str, str]]:
    """Each comparison at its boundary, and turned round."""
    for index, operator in enumerate(node.ops):
        for other in COMPARED[type(operator)]:
            changed = copy.deepcopy(node)
            changed.ops[index] = other()
            yield "compare", ast.unparse(changed)


def computed(node: ast.BinOp) -> Iterator[tuple[str, str]]:
    """The arithmetic or bit operation exchanged for its opposite."""
    if type(node.op) in COMPUTED and not is_text(node.left) and not is_text(node.right):
        yield "compute", ast.unparse(ast.BinOp(node.left, COMPUTED[type(node.op)](), node.right))


def constant(node: ast.Constant) -> Iterator[tuple[str, str]]:
    """A whole number one more and one less; a truth turned round."""
    if isinstance(node.value, bool):
        yield "constant", repr(not node.value)
    elif isinstance(node.value, int):
        yield "constant", repr(node.value + 1)
        yield "constant", repr(node.value - 1)


def of_expression(node: ast.expr) -> Iterator[tuple[str, str]]:
    """(operator, new text) of an expression itself, without what is inside it."""
    if isinstance(node, ast.Compare):
        yield from compared(node)
    elif isinstance(node, ast.BinOp):
        yield from computed(node)
    elif isinstance(node, ast.Constant):
        yield from constant(node)
    elif isinstance(node, ast.BoolOp):
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield "and/or", ast.unparse(ast.BoolOp(other, node.values))
    elif isinstance(node, ast.UnaryOp):
        if isinstance(node.op, ast.Not | ast.USub | ast.Invert):
            yield "sign", ast.unparse(node.operand)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in OPPOSITES:
        yield "call", ast.unparse(ast.Call(ast.Name(OPPOSITES[node.func.id]), node.args, node.keywords))


def of_condition(node: ast.expr) -> Iterator[tuple[str, str]]:
    """The condition denied, where no change of its own does the same."""
    single = isinstance(node, ast.Compare) and len(node.ops) == 1
    denied = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)
    if not single and not denied and not isinstance(node, ast.Constant):
        yield "condition", "not (%s)" % ast.unparse(node)


def of_statement(node: ast.stmt) -> Iterator[tuple[str, str]]:
    """(operator, new text) of a statement that is dropped or leaves elsewhere."""
    if isinstance(node, ast.Break):
        yield "leave", "continue"
    elif isinstance(node, ast.Continue):
        yield "leave", "break"
    elif isinstance(node, ast.Return):
        if node.value is not None and not isinstance(node.value, ast.Constant):
            yield "return", "return None"
    elif isinstance(node, ast.AugAssign):
        if type(node.op) in COMPUTED and not is_text(node.value):
            yield "compute", ast.unparse(ast.AugAssign(node.target, COMPUTED[type(node.op)](), node.value))
        yield "drop", "pass"
    elif (
        isinstance(node, ast.Raise | ast.Delete)
        or (isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant))
        or (isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute | ast.Subscript))
    ):
        yield "drop", "pass"


def left_out(node: ast.AST) -> bool:
    """Say whether no test need notice what is inside: names of fields, texts for people, assertions."""
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "__slots__":
        return True
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "namedtuple":
        return True
    # An assertion says what the author holds impossible: no test can reach the other side of it.
    return isinstance(node, ast.JoinedStr | ast.Assert)


def inside(node: ast.AST) -> Iterator[ast.AST]:
    """The children of *node* that run where it runs, without annotations."""
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns") or (isinstance(node, ast.FunctionDef | ast.Lambda) and field == "body"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield child


def changes(node: ast.AST, scope: str = "", within: str = "") -> Iterator[Change]:
    """Every change of *node* and of what is inside it; *within* is the class around it."""
    if left_out(node):
        return
    if isinstance(node, ast.expr):
        for operator, text in of_expression(node):
            yield Change(scope, operator, node, "(" + text + ")")
    if isinstance(node, ast.stmt):
        for operator, text in of_statement(node):
            yield Change(scope, operator, node, text)
    if isinstance(node, ast.If | ast.While | ast.IfExp):
        for operator, text in of_condition(node.test):
            yield Change(scope, operator, node.test, "(" + text + ")")
    if isinstance(node, ast.comprehension):
        for condition in node.ifs:
            for operator, text in of_condition(condition):
                yield Change(scope, operator, condition, "(" + text + ")")
    if isinstance(node, ast.ClassDef):
        within = within + node.name + "."
    for child in inside(node):
        yield from changes(child, scope, within)
    if isinstance(node, ast.FunctionDef):
        for child in node.body:
            yield from changes(child, scope or within + node.name, within)
    elif isinstance(node, ast.Lambda):
        yield from changes(node.body, scope, within)


def mutants_of(place: str, source: str) -> list[Mutant]:
    """Return the mutants of the module at *place* in the order of their lines; an id outlives moved lines."""
    module = ".".join(Path(place).with_suffix("").parts)
    lines = source.split("\n")
    met: dict[tuple[str, ...], int] = {}
    found = []
    for change in changes(ast.parse(source)):
        node = change.node
        assert node.end_lineno is not None and node.end_col_offset is not None
        before = ast.unparse(node)
        key = (module, change.scope, lines[node.lineno - 1].strip(), change.operator, before, change.text)
        met[key] = met.get(key, 0) + 1
        digest = hashlib.sha256("\0".join((*key, str(met[key]))).encode()).hexdigest()[:10]
        text = change.text
        lost = "\n" * (node.end_lineno - node.lineno - text.count("\n"))
        text = text[:-1] + lost + ")" if isinstance(node, ast.expr) else text + lost
        start, end = (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)
        found.append(Mutant(digest, module, place, change.scope, change.operator, start, end, text))
    found.sort(key=lambda mutant: (mutant.start, mutant.end, mutant.text, mutant.id))
    return found


def changed(source: str, mutant: Mutant) -> str:
    """Return *source* with the mutant in it, every other line where it was."""
    lines = source.encode().split(b"\n")
    (first, left), (last, right) = mutant.start, mutant.end
    middle = lines[first - 1][:left] + mutant.text.encode() + lines[last - 1][right:]
    return b"\n".join([*lines[: first - 1], middle, *lines[last:]]).decode()


def difference(source: str, mutant: Mutant) -> str:
    """Return the lines taken away and put in their place."""
    after = changed(source, mutant)
    told = list(difflib.unified_diff(source.split("\n"), after.split("\n"), lineterm="", n=0))[3:]
    return "\n".join(line for line in told if line.strip() not in ("+", "-"))
