"""Encoders: a folder or an endpoint gives vectors; nothing else is opened, and no code of a folder runs."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import httpx
import numpy as np
import pytest
from pydantic import SecretStr, ValidationError

from luthier.errors import EngineFault, MissingInput
from luthier.variants.config import EmbeddingsConfig
from luthier.variants.engines.encoders import RemoteEncoder, open_encoder
from luthier.variants.engines.folders import UnsafeModel

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "card", "lost", "bank", "open", "my", "the"]


def write_tokenizer(folder: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors  # noqa: PLC0415

    tokenizer = Tokenizer(models.WordLevel({word: place for place, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A BERT of two thousand random weights."""
    torch = pytest.importorskip("torch", reason="the extra `local` is not installed")
    import transformers  # noqa: PLC0415

    torch.manual_seed(0)
    settings = transformers.BertConfig(
        vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
        max_position_embeddings=32,
    )  # fmt: skip
    folder = tmp_path / "tiny"
    transformers.BertModel(settings, add_pooling_layer=False).save_pretrained(folder)
    write_tokenizer(folder)
    special = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", **special}))
    return folder


@pytest.fixture
def static(tmp_path: Path) -> Path:
    """A table of token vectors."""
    save_file = pytest.importorskip("safetensors.numpy", reason="the extra `local` is not installed").save_file
    folder = tmp_path / "static"
    folder.mkdir()
    write_tokenizer(folder)
    (folder / "config.json").write_text('{"model_type": "model2vec"}')
    save_file({"embeddings": np.arange(20, dtype=np.int8).reshape(10, 2)}, str(folder / "model.safetensors"))
    return folder


def local(folder: Path, **more: object) -> EmbeddingsConfig:
    return EmbeddingsConfig.model_validate({"engine": "local", "id": str(folder), **more})


def test_an_encoder_gives_unit_vectors_that_do_not_depend_on_their_neighbours(tiny: Path) -> None:
    encode = open_encoder(local(tiny, batch_size=2))
    assert encode is not None
    texts = ["my card lost", "the bank open my card lost the bank", "card", "my card lost"]
    found = encode(texts)
    assert found.shape == (4, 16)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(found[0], found[3], atol=1e-6)
    np.testing.assert_allclose(encode(["my card lost"])[0], found[0], atol=1e-6)


def test_the_mean_of_the_last_layer_is_taken_or_its_first_vector_where_the_folder_says_so(tiny: Path) -> None:
    import torch  # noqa: PLC0415
    import transformers  # noqa: PLC0415

    with torch.inference_mode():
        states = transformers.BertModel.from_pretrained(tiny).eval()(torch.tensor([[2, 8, 4, 5, 3]])).last_hidden_state
    mean = torch.nn.functional.normalize(states.mean(1), dim=-1).numpy()
    first = torch.nn.functional.normalize(states[:, 0], dim=-1).numpy()
    encode = open_encoder(local(tiny))
    assert encode is not None
    np.testing.assert_allclose(encode(["my card lost"]), mean, atol=1e-5)
    (tiny / "1_Pooling").mkdir()
    (tiny / "1_Pooling" / "config.json").write_text('{"pooling_mode_cls_token": true}')
    again = open_encoder(local(tiny))
    assert again is not None
    np.testing.assert_allclose(again(["my card lost"]), first, atol=1e-5)


def test_a_static_encoder_takes_the_mean_of_the_tokens_vectors(static: Path) -> None:
    encode = open_encoder(local(static))
    assert encode is not None
    expected = np.array([9.0, 10.0]) / np.hypot(9, 10)  # card (8, 9) and lost (10, 11)
    np.testing.assert_allclose(encode(["card lost", ""]), [expected, [0, 0]], rtol=1e-6)


def test_pickled_weights_and_code_of_the_folder_are_refused(tiny: Path) -> None:
    (tiny / "config.json").write_text(json.dumps(json.loads((tiny / "config.json").read_text()) | {"auto_map": {}}))
    with pytest.raises(UnsafeModel, match="auto_map"):
        open_encoder(local(tiny))
    pickled = tiny.parent / "pickled"
    pickled.mkdir()
    (pickled / "config.json").write_text("{}")
    (pickled / "pytorch_model.bin").write_bytes(pickle.dumps({}))
    with pytest.raises(UnsafeModel, match=r"pytorch_model\.bin"):
        open_encoder(local(pickled))
    with pytest.raises(MissingInput):
        open_encoder(local(tiny.parent / "nowhere"))


def remote(answer: Callable[[httpx.Request], httpx.Response], **more: object) -> RemoteEncoder:
    config = EmbeddingsConfig.model_validate(
        {"engine": "openai", "id": "embed", "base_url": "http://127.0.0.1:9/v1/", "batch_size": 2, **more}
    )
    client = httpx.Client(transport=httpx.MockTransport(answer))
    return RemoteEncoder(config, api_key=SecretStr("k-123"), client=client)


def lengths(request: httpx.Request) -> httpx.Response:
    body = json.loads(request.content)
    assert (str(request.url), request.headers["authorization"]) == ("http://127.0.0.1:9/v1/embeddings", "Bearer k-123")
    assert body["model"] == "embed"
    told = [{"index": place, "embedding": [len(text), 1.0]} for place, text in enumerate(body["input"])]
    return httpx.Response(200, json={"data": told[::-1]})


def test_an_endpoint_is_asked_in_portions_and_its_vectors_are_put_in_order() -> None:
    assert remote(lengths)(["a", "bb", "ccc"]).tolist() == [[1, 1], [2, 1], [3, 1]]


@pytest.mark.parametrize(
    ("status", "body"),
    [(401, {}), (200, {"data": []}), (200, {"none": 1}), (200, {"data": [{"index": 0, "embedding": ["x"]}]})],
)
def test_an_endpoint_that_gives_no_vectors_is_a_fault_that_tells_no_key(status: int, body: object) -> None:
    with pytest.raises(EngineFault) as told:
        remote(lambda _: httpx.Response(status, json=body))(["a"])
    assert "k-123" not in told.value.message


def test_the_bundled_vectors_need_no_encoder_and_half_a_setting_is_refused() -> None:
    assert open_encoder(EmbeddingsConfig()) is None
    for wrong in ({"engine": "local"}, {"id": "x"}, {"engine": "openai", "id": "x"},
                  {"engine": "local", "id": "x", "base_url": "http://a/v1"}):  # fmt: skip
        with pytest.raises(ValidationError):
            EmbeddingsConfig.model_validate(wrong)
