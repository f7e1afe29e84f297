"""Templates of system prompts, rendered where they can reach nothing but what they are given."""

from collections.abc import Iterator, Sequence
from functools import lru_cache

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, meta, nodes
from jinja2.exceptions import SecurityError
from jinja2.runtime import LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from luthier.domain.calls import ToolSpec
from luthier.domain.digests import canonical_json
from luthier.errors import UserError
from luthier.variants.retrieval.documents import Passage

MAX_TEMPLATE_CHARACTERS = 100_000
MAX_PROMPT_CHARACTERS = 400_000
VARIABLES = frozenset({"tools", "passages"})


class BadTemplate(UserError):
    """A prompt template cannot be parsed or rendered."""

    code = "bad_template"


class _Environment(ImmutableSandboxedEnvironment):
    """No attribute of any value but a loop's counters: text in, text out."""

    def is_safe_attribute(self, obj: object, attr: str, value: object) -> bool:
        return isinstance(obj, LoopContext) and attr in _LOOP and super().is_safe_attribute(obj, attr, value)


_LOOP = frozenset({"index", "index0", "first", "last", "length"})
_FILTERS = ("length", "count", "lower", "upper", "trim", "default", "d", "first", "last")
_MAX_LOOP_DEPTH = 2
# Printing, choosing, looping and comparing. Calls, `set`, macros, imports and arithmetic are left out: with them, a
# short template can run for ever or fill the memory before any bound on its output is met.
_ALLOWED_NODES = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.If, nodes.For, nodes.Getattr,
    nodes.Getitem, nodes.Filter, nodes.Compare, nodes.Operand, nodes.Not, nodes.And, nodes.Or, nodes.Test,
    nodes.CondExpr, nodes.List, nodes.Tuple,
)  # fmt: skip


def _environment() -> _Environment:
    found = _Environment(undefined=StrictUndefined, autoescape=False, optimized=False)
    found.filters = {name: found.filters[name] for name in _FILTERS}
    found.globals = {}
    return found


def check_template(text: str, *, file: str = "prompt") -> None:
    """Nothing when the template parses and names only known variables, else BadTemplate with file and line."""
    _parsed(text, file)


@lru_cache(maxsize=256)
def uses_passages(text: str) -> bool:
    """Whether the template places the retrieved passages itself."""
    return "passages" in meta.find_undeclared_variables(_environment().parse(text))


def render_prompt(
    text: str, *, tools: Sequence[ToolSpec] = (), passages: Sequence[Passage] = (), file: str = "prompt"
) -> str:
    """The system prompt, at most 400,000 characters; BadTemplate names the file and the line at fault.

    The template sees `tools` (compact JSON of the tools offered, or an empty text) and `passages` (each with `id`,
    `title` and `text`, by key).
    """
    template = _parsed(text, file)
    shown = [{"id": each.id, "title": each.title, "text": each.text} for each in passages]
    pieces: list[str] = []
    size = 0
    try:
        for piece in template.generate(tools=tools_json(tools), passages=shown):
            size += len(piece)
            if size > MAX_PROMPT_CHARACTERS:
                raise BadTemplate(f"{file}: the prompt grows past {MAX_PROMPT_CHARACTERS:,} characters")
            pieces.append(piece)
    except SecurityError as fault:
        raise _located(file, _line_of(fault), "the template reaches for something it may not use") from fault
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as fault:
        raise _located(file, _line_of(fault), str(fault)) from fault
    return "".join(pieces).strip()


def tools_json(tools: Sequence[ToolSpec]) -> str:
    """The tools as one line of JSON: name, description where there is one, parameters."""
    listed = [
        {"name": tool.name, **({"description": tool.description} if tool.description else {}),
         "parameters": dict(tool.parameters)}
        for tool in tools
    ]  # fmt: skip
    return canonical_json(listed).decode() if listed else ""


@lru_cache(maxsize=256)  # a gateway renders the same few templates all day
def _parsed(text: str, file: str) -> Template:
    if len(text) > MAX_TEMPLATE_CHARACTERS:
        raise BadTemplate(f"{file}: the template is longer than {MAX_TEMPLATE_CHARACTERS:,} characters")
    environment = _environment()
    try:
        tree = environment.parse(text)
        _check_tree(tree, text, file)  # before compiling, which computes constants such as 10 ** 10 ** 10
        return environment.from_string(text)
    except TemplateSyntaxError as fault:
        raise _located(file, fault.lineno, str(fault.message)) from fault
    except (TemplateError, RecursionError) as fault:
        raise _located(file, 1, str(fault)) from fault


def _check_tree(tree: nodes.Template, text: str, file: str) -> None:
    for node, depth in _walked(tree):
        if not isinstance(node, _ALLOWED_NODES):
            raise _located(file, node.lineno, f"a template may not use {type(node).__name__.lower()!r}")
        if depth > _MAX_LOOP_DEPTH:
            raise _located(file, node.lineno, f"loops stand more than {_MAX_LOOP_DEPTH} deep")
    if unknown := sorted(meta.find_undeclared_variables(tree) - VARIABLES):
        raise _located(file, _first_line(text, unknown[0]), f"nothing is named {unknown[0]!r}")


def _walked(node: nodes.Node, depth: int = 0) -> Iterator[tuple[nodes.Node, int]]:
    """Every node below `node` with the number of loops around it."""
    depth += isinstance(node, nodes.For)
    yield node, depth
    for child in node.iter_child_nodes():
        yield from _walked(child, depth)


def _located(file: str, line: int, what: str) -> BadTemplate:
    return BadTemplate(f"{file}:{line}: {what}", hint="a template may print `tools` and `passages`, loop and choose")


def _first_line(text: str, name: str) -> int:
    return text[: max(0, text.find(name))].count("\n") + 1


def _line_of(fault: BaseException) -> int:
    """The template line of the innermost template frame that the fault passed through."""
    line, frame = 1, fault.__traceback__
    while frame is not None:
        if frame.tb_frame.f_code.co_filename == "<template>":
            line = frame.tb_lineno
        frame = frame.tb_next
    return line
