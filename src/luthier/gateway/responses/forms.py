"""How an answer is told: as OpenAI writes responses."""

from dataclasses import dataclass

from luthier.gateway.answers import BackendDown, JsonObject, Said
from luthier.gateway.chat import Chat, Served
from luthier.gateway.faults import HttpFault
from luthier.gateway.requests import ChatRequest
from luthier.gateway.responses.calls import Spoken
from luthier.gateway.responses.events import ResponseStreamed
from luthier.gateway.responses.items import OutputItem, ending_of, usage_of
from luthier.gateway.responses.requests import ResponsesRequest


@dataclass(frozen=True, slots=True)
class ResponseForm:
    """One request, the chat it comes to, and the id and the second of its answer."""

    request: ResponsesRequest
    asked: ChatRequest
    id: str
    created: int

    def whole(self, said: Said) -> JsonObject:
        """The body of an answer that is told at once."""
        choice = said.choices[0]
        try:
            items = self._items(Spoken.of(choice["message"]))
        except BackendDown as fault:
            raise HttpFault(502, "the back end answers nonsense", code="upstream_lost") from fault
        ending = ending_of(choice.get("finish_reason"))
        output = [item.told(ending["status"]) for item in items]
        return {**self._frame(), **ending, "output": output, "usage": usage_of(said.usage)}

    def streamed(self, chat: Chat, served: Served) -> ResponseStreamed:
        """The events of an answer that is told as it comes."""
        return ResponseStreamed(chat, served, self._frame())

    def _items(self, spoken: Spoken) -> list[OutputItem]:
        items: list[OutputItem] = []
        if spoken.content or not (spoken.tool_calls or spoken.refusal):
            items.append(OutputItem("output_text", self.id, 0, pieces=[spoken.content or ""]))
        if spoken.refusal:
            items.append(OutputItem("refusal", self.id, len(items), pieces=[spoken.refusal]))
        for call in spoken.tool_calls or ():
            if call.id is None or call.function.name is None:
                raise BackendDown("no completion")
            pieces = [call.function.arguments or ""]
            items.append(OutputItem("function_call", self.id, len(items), call.id, call.function.name, pieces))
        return items

    def _frame(self) -> JsonObject:
        """What stands in a response whatever its answer: what was asked, as it was asked."""
        asked = self.request
        tools = [tool.model_dump() for tool in asked.tools or ()]
        options = asked.text.model_dump(by_alias=True, exclude_none=True) if asked.text else {}
        return {
            "id": self.id, "object": "response", "created_at": self.created, "model": asked.model,
            "status": "in_progress", "error": None, "incomplete_details": None, "output": [], "usage": None,
            "instructions": asked.instructions, "max_output_tokens": asked.max_output_tokens,
            "temperature": asked.temperature, "top_p": asked.top_p, "user": asked.user, "tools": tools,
            "tool_choice": asked.tool_choice or "auto",
            "parallel_tool_calls": asked.parallel_tool_calls is not False,
            "text": {"format": {"type": "text"}} | options,
            "previous_response_id": None, "background": False, "store": False, "truncation": "disabled",
            "metadata": {},
        }  # fmt: skip
