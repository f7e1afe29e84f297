"""All checks of one conversation, in order, with what each did."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from luthier.domain.calls import ToolSpec
from luthier.gateway.config import GuardsConfig
from luthier.gateway.faults import HttpFault
from luthier.gateway.guards.injection import looks_injected
from luthier.gateway.guards.links import strip_links
from luthier.gateway.guards.personal import Vault, leaked, masked_leaks
from luthier.gateway.guards.schemas import check_format, fault_of
from luthier.gateway.guards.stream import Held
from luthier.gateway.metrics import Metrics
from luthier.gateway.requests import ChatMessage, ChatRequest

Clear = Callable[[str], str]


@dataclass
class Checked:
    """A conversation after the checks on the way in, and the marks of all checks so far."""

    config: GuardsConfig
    metrics: Metrics
    messages: tuple[ChatMessage, ...]
    known: str
    schema: bytes | None
    tools: Sequence[ToolSpec]
    vault: Vault | None = None
    marks: dict[str, bool] = field(default_factory=dict)

    def shape_fault(self, answer: str | None) -> str | None:
        """What is wrong with the shape of the answer; marked either way where a shape was asked for."""
        if self.schema is None and not self.tools:
            return None
        name = "valid_call" if self.schema is None else "schema"
        fault = None if self.config.shape == "off" else fault_of(answer, self.schema, self.tools)
        self._mark(name, passed=fault is None)
        return fault

    def cleaned(self, answer: str) -> str:
        """The answer as it may be kept and sent, placeholders not yet restored."""
        if self.config.leaks != "off":
            spans = leaked(answer, self.known)
            if spans:
                self._mark("leaks", passed=False)
                answer = masked_leaks(answer, spans) if self.config.leaks == "mask" else answer
        if self.config.links == "off":
            return answer
        stripped = strip_links(answer, self.config.allowed_hosts)
        if stripped.removed:
            self._mark("links", passed=False)
        return stripped.text if self.config.links == "strip" else answer

    def restored(self, answer: str) -> str:
        """The answer for the client: with its own personal data back in place."""
        return self.vault.restored(answer) if self.vault else answer

    def held(self) -> Held | None:
        """The same over a stream; None where nothing would be changed."""
        masks, strips = self.config.leaks == "mask", self.config.links == "strip"
        if not (masks or strips or self.vault):
            return None

        def clean(text: str) -> str:
            return self.restored(self.cleaned(text))

        return Held(clean, spans=(lambda text: leaked(text, self.known)) if masks else None)

    def _mark(self, name: str, *, passed: bool) -> None:
        self.marks[name] = passed and self.marks.get(name, True)
        self.metrics.count("luthier_guards_total", name, "passed" if passed else "found")


def check_in(
    request: ChatRequest,
    config: GuardsConfig,
    metrics: Metrics,
    clear: Clear,
    tools: Sequence[ToolSpec],
    *,
    vault: Vault | None = None,
) -> Checked:
    """The conversation, cleared; HttpFault 400 where a check that blocks found something.

    With a `vault` it clears instead, and the answer gets back what it took out.
    """
    schema = check_format(request.response_format)
    texts = [message.text for message in request.messages]
    if config.max_characters is not None and sum(map(len, texts)) > config.max_characters:
        metrics.count("luthier_guards_total", "length", "blocked")
        raise HttpFault(
            400, f"the conversation is longer than {config.max_characters} characters",
            code="context_length_exceeded", param="messages",
        )  # fmt: skip
    clear = vault.masked if vault else clear
    messages = tuple(_cleared(message, text, clear) for message, text in zip(request.messages, texts, strict=True))
    known = "\n".join(texts)
    checked = Checked(config, metrics, messages, known, schema, () if request.tools else tools, vault)
    if config.injection != "off" and any(
        looks_injected(text) for message, text in zip(messages, texts, strict=True) if message.role in _OTHERS
    ):
        if config.injection == "block":
            metrics.count("luthier_guards_total", "injection", "blocked")
            raise HttpFault(
                400, "a message tells the model to leave its instructions", code="content_policy", param="messages"
            )
        checked.marks["injection"] = False
        metrics.count("luthier_guards_total", "injection", "found")
    return checked


_OTHERS = frozenset({"user", "tool"})


def _cleared(message: ChatMessage, text: str, clear: Clear) -> ChatMessage:
    cleared = clear(text)
    if cleared == text and isinstance(message.content, str | None):
        return message
    return message.model_copy(update={"content": cleared})
