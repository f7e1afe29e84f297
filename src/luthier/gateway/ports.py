"""All that the gateway needs and cannot be handed as a value. Each call is on the request path: memory or one write."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from luthier.domain.calls import ToolSpec
from luthier.domain.interactions import Feedback, Interaction
from luthier.domain.money import TokenPrice
from luthier.domain.routes import RouteTable
from luthier.domain.variants import RetrievalRef, Variant
from luthier.gateway.guards.personal import Vault
from luthier.variants.retrieval.documents import Passage


class Ports(Protocol):
    """The control plane as the data plane sees it."""

    def model_name(self) -> str:
        """The name applications ask for: the project's."""
        ...

    def routes(self) -> RouteTable:
        """The newest route table; the same object until there is a newer one."""
        ...

    def authenticate(self, secret: str) -> str | None:
        """The name behind an API key that may call applications' routes, or None."""
        ...

    def retrieve(self, retrieval: RetrievalRef, text: str) -> Sequence[Passage]:
        """The passages of one knowledge base that fit `text` best."""
        ...

    def cleared(self, text: str) -> str:
        """`text` with personal data taken out as it was from the training rows; unchanged where it was left in."""
        ...

    def vault(self) -> Vault | None:
        """What takes personal data out of one conversation and puts it back into the answer; None where it stays in."""
        ...

    def tools(self) -> Sequence[ToolSpec]:
        """The calls that answers may make; none where answers are prose."""
        ...

    def price(self, variant: Variant, digest: str) -> TokenPrice:
        """What the model that answers charges."""
        ...

    def record(self, interaction: Interaction) -> None:
        """Return once the interaction outlives this process; SpoolFull or OSError where it cannot."""
        ...

    def record_feedback(self, feedback: Feedback) -> bool:
        """Return once the feedback outlives this process; False for an id that nobody was given."""
        ...

    def upstream_key(self, engine: str) -> str | None:
        """The credential of a back end, if it needs one."""
        ...

    def now(self) -> datetime:
        """The time, in UTC."""
        ...

    def new_id(self) -> str:
        """An id nobody else has."""
        ...
