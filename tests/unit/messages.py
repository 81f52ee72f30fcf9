"""Every error message that the program can print, read from its source.

A message is known by its head, which says what is wrong: what stands before the first semicolon or
line break, with `…` for what is only known when it is printed.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ratchet import errors

SOURCE = Path(errors.__file__).parent
HOLE = "…"
CODES = {
    name: kind.exit_code
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.RatchetError)
} | {
    "MovedError": errors.EvidenceError.exit_code,
    "RefusedError": errors.DataError.exit_code,
    "LostError": errors.EvidenceError.exit_code,
    "UnprovenError": errors.EvidenceError.exit_code,
    "ArgumentTypeError": errors.ConfigError.exit_code,
}
# Where messages are put together before they are raised: module, function or table, exit code.
COMPOSED = {
    ("budget", "_message"): 2,
    ("data.s3_download", "_LOST"): 5,
    ("data.weather", "_ADVICE"): 5,
    ("data.weather", "_EXPIRED"): 5,
    ("data.weather", "_REGION"): 5,
    ("data.weather", "explain"): 5,
    ("doctor.run", "refuse"): 2,
    ("drill.report", "refuse"): 4,
    ("learners", "DECIDED"): 2,
    ("learners", "make_learner"): 2,
    ("predict", "score_file"): 3,
    ("sections", "_sentence"): 2,
}
# Raises whose whole message comes from elsewhere, by module: from COMPOSED, or from another error.
RELAYS = {
    "budget": "_message",
    "cli.gate": "the gate's verdict and reasons: docs/gate.md has all of them",
    "cli.upkeep": "the summary of `ratchet verify`: docs/verify.md",
    "data.listing": "all_in_one: several of the other messages",
    "data.s3_download": "_LOST",
    "drill.report": "refuse",
    "gate.clean_room": "a message of artifacts.persist, with another name for the file",
    "learners": "make_learner",
    "sections": "_sentence",
    "serving.inputs": "predict.score_file, and the failures of the contract",
    "serving.proven": "a message of the model's loading, with the version before it",
}
# A validator's word goes into `params.yaml: KEY …` or `schema.yaml: KEY …`.
VALIDATED = {"config", "data.schema", "sections"}


@dataclass(frozen=True)
class Message:
    """A message's head, the exit code that it comes with, and where it is in the source."""

    head: str
    code: int
    module: str
    line: int


def messages() -> list[Message]:
    """Return all messages of errors, in the order of the source's files and lines."""
    return [each for each in _all() if _says(each.head)]


def relays() -> set[str]:
    """Return the modules that raise a message of which nothing stands in the raise itself."""
    return {each.module for each in _all() if not _says(each.head)}


def failures() -> dict[str, set[str]]:
    """Return the messages of the contract's failures by code; those of the checks aren't here."""
    found: dict[str, set[str]] = {}
    for path in _files():
        for call in _calls(path):
            if _name(call) in ("Failure", "Check", "ge", "le", "isin"):
                given = [*call.args, *(each.value for each in call.keywords)]
                named = {each.arg: each.value for each in call.keywords}
                code = named.get("name", call.args[0] if call.args else None)
                text = named.get("error", given[2] if len(given) > 2 else None)
                if isinstance(code, ast.Constant) and isinstance(code.value, str) and text:
                    found.setdefault(code.value, set()).update(_templates(text, call))
    return found


def _files() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


@cache
def _all() -> tuple[Message, ...]:
    return tuple(each for path in _files() for each in _of_file(path))


def _of_file(path: Path) -> Iterator[Message]:
    module = ".".join(path.relative_to(SOURCE).with_suffix("").parts)
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = []
    for function in ast.walk(tree):
        for node in _own(function) if isinstance(function, _SCOPES) else ():
            if isinstance(node, ast.Call):
                code = CODES.get(_name(node))
                if _name(node) == "ValueError" and module in VALIDATED:
                    code = errors.ConfigError.exit_code
                if code and node.args:
                    texts = _templates(node.args[0], function)
                    found += [(node.lineno, text, code) for text in texts]
    for name, code in ((n, c) for (m, n), c in COMPOSED.items() if m == module):
        part = next((node for node in ast.walk(tree) if name in _defined(node)), None)
        assert part is not None, f"{module} has no {name}: mend COMPOSED in messages.py"
        found += [(line, text, code) for line, text in _texts(part)]
    for line, text, code in sorted(set(found)):
        yield Message(head_of(text), code, module, line)


def _says(head: str) -> bool:
    return bool(re.search(r"[a-z]{2}", head))


def head_of(text: str) -> str:
    """Return what a template says is wrong; all of it where only the printed message says that."""
    plain = text.replace("`", "")
    head = re.split(r"; |\n", plain, maxsplit=1)[0]
    head = head if _says(head) else plain
    return re.sub(rf"{HOLE}(?:[\s,:]*{HOLE})+", HOLE, " ".join(head.split()))


_SCOPES = ast.FunctionDef | ast.Module


def _own(scope: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a function or module without those of functions inside."""
    for child in ast.iter_child_nodes(scope):
        yield child
        if not isinstance(child, ast.FunctionDef):
            yield from _own(child)


def _calls(path: Path) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield node


def _name(call: ast.Call) -> str:
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _defined(node: ast.AST) -> list[str]:
    if isinstance(node, ast.FunctionDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else []
    return [each.id for each in targets if isinstance(each, ast.Name)]


def _templates(node: ast.AST, scope: ast.AST, depth: int = 0) -> list[str]:
    """Return the texts that an expression can be: as many as there are ways through it."""
    if isinstance(node, ast.Constant):
        return [str(node.value)]
    if isinstance(node, ast.JoinedStr):
        return [
            "".join(
                str(part.value) if isinstance(part, ast.Constant) else HOLE for part in node.values
            )
        ]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = (_templates(side, scope, depth) for side in (node.left, node.right))
        return [before + after for before in left for after in right]
    if isinstance(node, ast.IfExp):
        return [*_templates(node.body, scope, depth), *_templates(node.orelse, scope, depth)]
    if isinstance(node, ast.Name) and depth < 3:
        values = [
            each.value
            for each in ast.walk(scope)
            if isinstance(each, ast.Assign)
            and any(
                isinstance(target, ast.Name) and target.id == node.id for target in each.targets
            )
        ]
        return [text for value in values for text in _templates(value, scope, depth + 1)] or [HOLE]
    return [HOLE]


def _texts(part: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield each text of at least three words of a function or table.

    Without its docstring, and what it raises itself.
    """
    inner: set[ast.AST] = set()
    body = part.body if isinstance(part, ast.FunctionDef) else []
    if body and isinstance(body[0], ast.Expr):
        inner.add(body[0].value)
    for node in ast.walk(part):
        if isinstance(node, ast.Call) and _name(node) in CODES:
            inner |= set(ast.walk(node))
        elif isinstance(node, ast.JoinedStr | ast.BinOp):
            # Texts in texts are ways to say more; all else within one is a part of it.
            inner |= {
                each
                for each in ast.walk(node)
                if each is not node
                and not (isinstance(node, ast.JoinedStr) and isinstance(each, ast.JoinedStr))
            }
    for node in ast.walk(part):
        if isinstance(node, ast.Constant | ast.JoinedStr | ast.BinOp) and node not in inner:
            for text in _templates(node, part):
                if len(text.split()) >= 3 and text == text.strip():
                    yield node.lineno, text
