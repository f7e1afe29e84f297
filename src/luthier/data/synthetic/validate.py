"""Which written rows are worth a reviewer's time; every other one has a reason."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from luthier.data.synthetic.config import SynthesizeConfig
from luthier.domain.calls import ToolSpec, parse_call
from luthier.domain.examples import Example
from luthier.text.languages import UNKNOWN, language_of
from luthier.text.normalise import fold
from luthier.text.pii import find_pii

_WORDS = 3
Shingles = frozenset[str]


class Neighbours:
    """Questions that others are compared with, by their three-word shingles."""

    def __init__(self) -> None:
        self._questions: list[Shingles] = []
        self._of: defaultdict[str, list[int]] = defaultdict(list)

    def add(self, question: str) -> None:
        """Know one question more."""
        shingles = shingles_of(question)
        for shingle in shingles:
            self._of[shingle].append(len(self._questions))
        self._questions.append(shingles)

    def nearest(self, question: str) -> tuple[int, float]:
        """The place of the known question nearest to this one and their Jaccard; -1 and 0 where nothing is shared."""
        mine = shingles_of(question)
        shared: defaultdict[int, int] = defaultdict(int)
        for shingle in mine:
            for place in self._of.get(shingle, ()):
                shared[place] += 1
        return max(
            ((place, count / (len(mine) + len(self._questions[place]) - count)) for place, count in shared.items()),
            key=lambda pair: pair[1],
            default=(-1, 0.0),
        )


class Validator:
    """The rules, and every row that a new one must differ from: gold, training, and those accepted before."""

    def __init__(
        self, config: SynthesizeConfig, tools: Sequence[ToolSpec], languages: Collection[str], gold: Iterable[Example]
    ) -> None:
        self._config, self._tools, self._languages = config, tools, languages
        self._gold, self._known = Neighbours(), Neighbours()
        self._exact: dict[str, str] = {}
        for row in gold:
            self._gold.add(row.asked)
            self._exact[fold(row.asked)] = "like_gold"

    def know(self, question: str) -> None:
        """A later row must differ from this question."""
        self._known.add(question)
        self._exact.setdefault(fold(question), "exact_duplicate")

    def fault(self, question: str, answer: str) -> str | None:
        """Why the row is not kept; None where it may go to the reviewers."""
        if len(question) + len(answer) > self._config.max_characters:
            return "too_long"
        if self._tools and (wrong := parse_call(answer, self._tools).fault):
            return wrong
        language = language_of(question)
        if self._languages and language != UNKNOWN and language not in self._languages:
            return "language"
        if find_pii(question) or find_pii(answer):
            return "personal_data"
        return self._repeats(question)

    def _repeats(self, question: str) -> str | None:
        if same := self._exact.get(fold(question)):
            return same
        if self._gold.nearest(question)[1] >= self._config.near_threshold:
            return "like_gold"
        if self._known.nearest(question)[1] >= self._config.near_threshold:
            return "near_duplicate"
        return None


def shingles_of(question: str) -> Shingles:
    """Runs of three folded words; the whole of a shorter text."""
    words = fold(question).split()
    runs = (" ".join(words[place : place + _WORDS]) for place in range(max(1, len(words) - _WORDS + 1)))
    return frozenset(runs)
