import math
from pathlib import Path
from typing import Any

import pytest
import torch

from luthier.domain.examples import Message
from luthier.errors import UserError
from luthier.train.backends.objectives.distill import divergence
from luthier.train.backends.objectives.dpo import Pair
from luthier.train.backends.steps import evaluate
from luthier.train.config import TrainConfig
from luthier.train.types import BaseModel, Conversation, PreferencePair
from tests.unit.train.benches import Set, log_prob, plain_losses, set_up, token_log_probs
from tests.unit.train.tiny import judgements, make_base, pairs, task

STEPS = 4
SMALL: dict[str, Any] = {"batch_size": 6, "adapter": {"rank": 4, "alpha": 8}}


def _config(**settings: Any) -> TrainConfig:
    return TrainConfig.model_validate(SMALL | settings)


def test_sft_follows_a_plain_loop_on_the_same_batches(base: BaseModel) -> None:
    ours = set_up(base, _config(micro_batch_tokens=64), task(24, seed=1))

    def loss(model: Any, _reference: Any, step: int) -> torch.Tensor:
        texts = [entry.text for entry in ours.batch(step)]
        return -sum(log_prob(model, text) for text in texts) / sum(len(text.targets) for text in texts)  # type: ignore[return-value]

    assert ours.losses(STEPS) == pytest.approx(plain_losses(base, ours.config, STEPS, loss), abs=1e-4)


@pytest.mark.parametrize(
    "settings", [{"beta": 0.5}, {"beta": 0.5, "label_smoothing": 0.2}, {"beta": 0.2, "loss": "ipo"}], ids=str
)
def test_dpo_follows_a_plain_loop_with_separate_passes(base: BaseModel, settings: dict[str, Any]) -> None:
    ours = set_up(base, _config(method="dpo", dpo=settings), pairs(24, seed=1))

    def gain(model: Any, reference: Any, text: Any) -> torch.Tensor:
        with torch.no_grad():
            before = log_prob(reference, text)
        return log_prob(model, text) - before

    def one(model: Any, reference: Any, pair: Pair) -> torch.Tensor:
        good, bad = gain(model, reference, pair.chosen), gain(model, reference, pair.rejected)
        if settings.get("loss") == "ipo":
            mean = good / len(pair.chosen.targets) - bad / len(pair.rejected.targets)
            return (mean - 1 / (2 * settings["beta"])) ** 2
        margin, smooth = settings["beta"] * (good - bad), settings.get("label_smoothing", 0.0)
        return -(1 - smooth) * torch.log(torch.sigmoid(margin)) - smooth * torch.log(torch.sigmoid(-margin))

    def loss(model: Any, reference: Any, step: int) -> torch.Tensor:
        return torch.stack([one(model, reference, pair) for pair in ours.batch(step)]).mean()

    found = ours.losses(STEPS)
    assert found == pytest.approx(plain_losses(base, ours.config, STEPS, loss), abs=1e-4)
    assert len(set(found)) == STEPS


def test_kto_follows_a_plain_loop_with_the_batchs_own_baseline(base: BaseModel) -> None:
    settings = {"beta": 0.5, "good_weight": 1.0, "bad_weight": 1.5}
    ours = set_up(base, _config(method="kto", kto=settings), judgements(24, seed=1))

    def loss(model: Any, reference: Any, step: int) -> torch.Tensor:
        batch = ours.batch(step)
        with torch.no_grad():
            moved = [log_prob(model, e.mismatched) - log_prob(reference, e.mismatched) for e in batch]
            baseline = max(0.0, float(torch.stack(moved).mean()))
            before = [log_prob(reference, entry.text) for entry in batch]
        losses = []
        for entry, reference_sum in zip(batch, before, strict=True):
            over = log_prob(model, entry.text) - reference_sum - baseline
            value = torch.sigmoid(0.5 * over if entry.is_good else -0.5 * over)
            losses.append((1 if entry.is_good else 1.5) * (1 - value))
        return torch.stack(losses).mean()

    assert ours.losses(STEPS) == pytest.approx(plain_losses(base, ours.config, STEPS, loss), abs=1e-4)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> BaseModel:
    return make_base(tmp_path_factory.mktemp("teacher"), seed=9, width=128)


@pytest.mark.parametrize("beta", [0.0, 0.3, 1.0])
def test_distributions_are_learned_as_a_plain_loop_would(base: BaseModel, teacher: BaseModel, beta: float) -> None:
    distill = {"teacher": "t", "learn_from": "logits", "student_share": 0.0, "beta": beta}
    ours = set_up(base, _config(method="distill", distill=distill), task(24, seed=1), teacher=teacher)
    from transformers import AutoModelForCausalLM  # noqa: PLC0415

    plain_teacher = AutoModelForCausalLM.from_pretrained(teacher.folder)

    def loss(model: Any, _reference: Any, step: int) -> torch.Tensor:
        total, count = torch.zeros(()), 0
        for entry in ours.batch(step):
            student = token_log_probs(model, entry.text)
            with torch.no_grad():
                taught = token_log_probs(plain_teacher, entry.text)
            middle = ((1 - beta) * student.exp() + beta * taught.exp()).log()
            covers, keeps = _relative(taught, middle), _relative(student, middle)
            mixed = beta * covers + (1 - beta) * keeps
            total = total + {0.0: _relative(taught, student), 1.0: _relative(student, taught)}.get(beta, mixed)
            count += len(entry.text.targets)
        return total / count

    assert ours.losses(STEPS) == pytest.approx(plain_losses(base, ours.config, STEPS, loss), abs=1e-4)


def _relative(of: torch.Tensor, against: torch.Tensor) -> torch.Tensor:
    return (of.exp() * (of - against)).sum()


def test_divergence_is_zero_between_equals_and_what_two_coins_give_by_hand() -> None:
    fair, bent = torch.tensor([[0.5, 0.5]]).log(), torch.tensor([[0.9, 0.1]]).log()
    assert divergence(fair, fair, 0.3).item() == pytest.approx(0.0, abs=1e-7)
    assert divergence(fair, bent, 0.0).item() == pytest.approx(0.9 * math.log(1.8) + 0.1 * math.log(0.2))
    assert divergence(fair, bent, 1.0).item() == pytest.approx(0.5 * math.log(0.5 / 0.9) + 0.5 * math.log(0.5 / 0.1))


def test_own_samples_begin_with_the_prompt_and_equal_seeds_draw_equal_ones(base: BaseModel, teacher: BaseModel) -> None:
    distill = {"teacher": "t", "learn_from": "logits", "student_share": 1.0, "max_sampled_tokens": 9}
    ours = set_up(base, _config(method="distill", distill=distill), task(24, seed=1), teacher=teacher)
    asked = ours.batch(0)
    one, same, other = (ours.prepared.objective.ready(ours.bench, asked, seed=seed) for seed in (1, 1, 2))
    assert [lesson.text.tokens for lesson in one] == [lesson.text.tokens for lesson in same]
    assert [lesson.text.tokens for lesson in one] != [lesson.text.tokens for lesson in other]
    for lesson, row in zip(one, asked, strict=True):
        prompt = row.text.tokens[: row.text.targets[0]]
        answer = lesson.text.tokens[len(prompt) :]
        assert lesson.text.tokens[: len(prompt)] == prompt
        assert 1 <= len(answer) <= 9
        assert 2 not in answer[:-1], "the end of the turn ends the answer"
        assert lesson.states.shape == (len(answer), 128)


def test_an_evaluation_reads_the_rows_own_answers_and_the_teacher_reads_them_once(
    base: BaseModel, teacher: BaseModel
) -> None:
    distill = {"teacher": "t", "learn_from": "logits", "student_share": 1.0}
    ours = set_up(base, _config(method="distill", distill=distill), task(8, seed=1), teacher=teacher)
    objective = ours.prepared.objective
    first = objective.ready(ours.bench, ours.prepared.train, seed=None)
    assert [lesson.text for lesson in first] == [lesson.text for lesson in ours.prepared.train]
    again = objective.ready(ours.bench, ours.prepared.train, seed=None)
    assert all(one.states is other.states for one, other in zip(first, again, strict=True))
    assert evaluate(ours.bench, objective, ours.prepared.train) == evaluate(ours.bench, objective, ours.prepared.train)


def test_samples_follow_the_models_own_distribution(base: BaseModel, teacher: BaseModel) -> None:
    distill = {"teacher": "t", "learn_from": "logits", "student_share": 1.0, "max_sampled_tokens": 1}
    rows = [row.model_copy(update={"id": str(at)}) for at, row in enumerate(task(1, seed=3) * 400)]
    ours = set_up(base, _config(method="distill", distill=distill), rows, teacher=teacher)
    drawn = ours.prepared.objective.ready(ours.bench, ours.prepared.train, seed=5)
    counts = torch.bincount(torch.tensor([lesson.text.tokens[-1] for lesson in drawn]), minlength=400)
    with torch.no_grad():
        expected = token_log_probs(ours_plain(base), ours.prepared.train[0].text)[0].exp()
    likely = expected.topk(5).indices
    for token in likely.tolist():
        share = expected[token].item()
        assert abs(counts[token].item() / 400 - share) < 4 * math.sqrt(share * (1 - share) / 400)


def ours_plain(base: BaseModel) -> Any:
    from transformers import AutoModelForCausalLM  # noqa: PLC0415

    return AutoModelForCausalLM.from_pretrained(base.folder).eval()


def test_a_teacher_of_other_tokens_is_refused(base: BaseModel, tmp_path: Path) -> None:
    other = make_base(tmp_path / "other")
    text = (other.folder / "tokenizer.json").read_text().replace('"<|im_start|>"', '"<|start|>"')
    (other.folder / "tokenizer.json").write_text(text)
    with pytest.raises(UserError, match="other tokens"):
        set_up(
            base,
            _config(method="distill", distill={"teacher": "t", "learn_from": "logits"}),
            task(4, seed=1),
            teacher=other,
        )


def _long_prompts(count: int) -> list[PreferencePair]:
    system = Message(role="system", content="Answer with the tool of the key word. " * 3)
    return [row.model_copy(update={"prompt": (system, *row.prompt)}) for row in pairs(count, seed=4)]


def test_a_prompt_shared_by_two_answers_is_computed_once_and_exactly(base: BaseModel) -> None:
    config = _config(method="dpo", dpo={"beta": 0.3})
    ours, padded = set_up(base, config, _long_prompts(6)), set_up(base, config, _long_prompts(6), sheets=False)
    batch = ours.batch(0)
    texts = [text for pair in batch for text in pair.texts]
    from luthier.train.backends.sheets import lay_out  # noqa: PLC0415

    places = lay_out(texts, torch.device("cpu")).tokens.shape[1]
    assert places < sum(len(text.tokens) for text in texts) * 0.55
    together, apart = _gradients(ours), _gradients(padded)
    for name, gradient in together.items():
        torch.testing.assert_close(gradient, apart[name], atol=1e-5, rtol=1e-4)


def _gradients(ours: Set) -> dict[str, torch.Tensor]:
    from luthier.train.backends.scoring import score  # noqa: PLC0415

    with torch.no_grad():  # the adapter is to matter
        for parameter in ours.bench.parameters.values():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
    batch = ours.batch(0)
    texts = [text for entry in batch for text in entry.texts]
    scored = score(ours.bench.model, texts, ours.bench.machine, reads_sheets=ours.bench.reads_sheets)
    loss = ours.prepared.objective.loss(scored, batch)
    found = torch.autograd.grad(loss, list(ours.bench.parameters.values()))
    return dict(zip(ours.bench.parameters, found, strict=True))


def test_references_are_computed_once_and_found_again_by_what_they_depend_on(base: BaseModel, tmp_path: Path) -> None:
    config = _config(method="dpo")
    first = set_up(base, config, pairs(6, seed=1), references=tmp_path)
    kept = next(tmp_path.glob("references-*/log_probs.safetensors"))
    written = kept.stat().st_mtime_ns
    again = set_up(base, config.model_copy(update={"learning_rate": 1e-5}), pairs(6, seed=1), references=tmp_path)
    assert [pair.reference for pair in again.prepared.train] == [pair.reference for pair in first.prepared.train]
    assert kept.stat().st_mtime_ns == written
    set_up(base, config, pairs(6, seed=2), references=tmp_path)
    assert len(list(tmp_path.glob("references-*"))) == 2


def test_references_come_from_the_model_without_its_adapter(base: BaseModel) -> None:
    ours = set_up(base, _config(method="dpo"), pairs(6, seed=1))
    texts = [text for pair in ours.prepared.train for text in pair.texts]
    before = ours.bench.sums(texts)
    with torch.no_grad():
        for parameter in ours.bench.parameters.values():
            parameter.add_(0.1)
    torch.testing.assert_close(ours.bench.reference_sums(texts), before)
    assert (ours.bench.sums(texts) - before).abs().min() > 1e-3


def test_a_mismatched_answer_belongs_to_another_prompt(base: BaseModel) -> None:
    rows = judgements(6, seed=1)
    ours = set_up(base, _config(method="kto"), rows)
    for entry, row in zip(ours.prepared.train, rows, strict=True):
        own = entry.text.tokens[: entry.text.targets[0]]
        assert entry.mismatched.tokens[: len(own)] == own
        assert entry.id == row.id


def test_two_lanes_learn_what_one_does(base: BaseModel) -> None:
    config = _config(method="dpo", dpo={"beta": 0.5})
    one = set_up(base, config, pairs(24, seed=1))
    torch.set_num_threads(2)
    two = set_up(base, config, pairs(24, seed=1))
    assert one.bench.lanes is None
    assert two.bench.lanes is not None
    assert two.losses(STEPS) == pytest.approx(one.losses(STEPS), abs=1e-4)


def test_a_row_is_taken_as_it_was_told(base: BaseModel) -> None:
    row = pairs(2, seed=1)[0]
    pair = set_up(base, _config(method="dpo"), pairs(2, seed=1)).prepared.train[0]
    as_conversations = [
        Conversation(id=name, messages=(*row.prompt, answer))
        for name, answer in (("c", row.chosen), ("r", row.rejected))
    ]
    expected = set_up(base, _config(), as_conversations).prepared.train
    assert [text.tokens for text in pair.texts] == [entry.text.tokens for entry in expected]
