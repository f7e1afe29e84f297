"""The peer: Presidio with a blank spaCy model over a JSON list of texts; `benchmarks/pii.py` runs it."""

import json
import sys
import time
from pathlib import Path

import spacy
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
from presidio_analyzer.nlp_engine import SpacyNlpEngine


class Blank(SpacyNlpEngine):
    """A spaCy pipeline without a model."""

    def load(self) -> None:
        """Nothing is downloaded."""
        self.nlp = {"en": spacy.blank("en")}


def main() -> None:
    """Read the texts, write the spans and the seconds."""
    texts = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    registry = RecognizerRegistry()
    registry.load_predefined_recognizers(languages=["en"])
    registry.remove_recognizer("SpacyRecognizer")
    engine = Blank(models=[{"lang_code": "en", "model_name": "blank"}])
    engine.load()
    analyzer = AnalyzerEngine(registry=registry, nlp_engine=engine, supported_languages=["en"])
    analyzer.analyze("warm up 555-123-4567", language="en")
    wall, processor = time.perf_counter(), time.process_time()
    spans = [[(r.start, r.end, r.entity_type, r.score) for r in analyzer.analyze(t, language="en")] for t in texts]
    figures = {"spans": spans, "wall": time.perf_counter() - wall, "processor": time.process_time() - processor}
    Path(sys.argv[2]).write_text(json.dumps(figures), encoding="utf-8")


if __name__ == "__main__":
    main()
