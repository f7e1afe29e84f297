"""The goal lint lets narrow tasks through and stops broad wishes."""

import pytest

from luthier.assess.goals import goal_faults

GOOD = (
    "Deflect 25% of password-reset tickets",
    "Cut lead qualification time by 50%",
    "Answer billing questions in our tone, in JSON",
    "Turn sales e-mails into CRM update calls that the CRM accepts.",
    "Classify incoming support tickets into our twelve queues",
    "Extract payment terms and notice periods from supplier contracts",
    "Draft first replies to warranty claims in the style of our service team",
    "Summarise shift handover notes into five bullet points",
    "Route voicemail transcripts to the right clinic department",
    "Tag product photo captions with our fashion taxonomy",
    "Write product descriptions of garden tools under 80 words",
    "Review pull requests for breaches of our SQL naming rules",
    "Translate machine error logs into German repair instructions",
    "Fill the discharge letter template from ward notes",
    "Flag clauses of rental contracts that differ from our standard",
    "Convert free-text delivery notes into EDI order lines",
    "Reduce handle time of refund chats by 20%",
    "Score inbound leads from web forms as hot, warm or cold",
    "Read, classify and route insurance claims",
    "Generate quarterly variance comments from the finance ledger",
    "Label galaxies in telescope captions by their shape",
)
BAD = (
    "Be smarter",
    "Be a better assistant",
    "be a smart assistant for our customers",
    "Make our chatbot more intelligent",
    "Use AI in customer service",
    "Leverage the power of generative AI across departments",
    "Improve customer satisfaction",
    "Increase the productivity of our employees",
    "Answer all questions of our customers",
    "A model that knows everything about us",
    "Build our own ChatGPT",
    "Be more helpful and friendly to users",
    "State-of-the-art language understanding for our firm",
    "Transform the way we do business with customers",
    "A general-purpose assistant for the whole company",
    "Digital transformation of the sales department",
    "Make employees more productive",
    "Understand our business",
    "Beat GPT-4 at writing e-mails for us",
    "Write texts",
    "Happy customers through excellent language technology",
    "Answer tickets, write marketing copy, review code and forecast sales figures",
)


@pytest.mark.parametrize("goal", GOOD)
def test_a_narrow_task_passes(goal: str) -> None:
    assert goal_faults(goal) == ()


@pytest.mark.parametrize("goal", BAD)
def test_a_broad_wish_is_stopped(goal: str) -> None:
    assert goal_faults(goal)


def test_case_and_spacing_hide_nothing() -> None:
    assert goal_faults("  BE a\n  Better   ASSISTANT ") == goal_faults("be a better assistant") != ()


def test_every_fault_is_told_at_once() -> None:
    assert len(goal_faults("Be smarter")) == 3  # broad, too short, no task
