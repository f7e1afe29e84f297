"""The language of a text by its script and its commonest words; `unknown` rather than a guess."""

import re
from collections import Counter
from collections.abc import Mapping

UNKNOWN = "unknown"
_LOOKED_AT = 2_000
"""Characters from the start that decide."""
_MIN_LETTERS = 8
_MIN_HITS = 3
_MIN_SHARE = 0.16
"""Share of a text's words that must be common words of its language; running text has 0.3 to 0.5."""
_MARGIN = 1.3

_WORD = re.compile(r"[^\W\d_]+")
_SCRIPTS = {
    "ja": re.compile(r"[\u3040-\u30ff]"),
    "ko": re.compile(r"[\uac00-\ud7af]"),
    "zh": re.compile(r"[\u4e00-\u9fff]"),
    "ar": re.compile(r"[\u0600-\u06ff]"),
    "he": re.compile(r"[\u0590-\u05ff]"),
    "el": re.compile(r"[\u0370-\u03ff]"),
    "hi": re.compile(r"[\u0900-\u097f]"),
    "th": re.compile(r"[\u0e00-\u0e7f]"),
}
_CYRILLIC = re.compile(r"[\u0400-\u04ff]")
_COMMON: Mapping[str, frozenset[str]] = {
    language: frozenset(words.split())
    for language, words in {
        "en": "the of and to in is you that it for on are as with his they at be this have from or by not what all were we "
        "when your can said there an each which do how their if will up about out then them some her would like has more "
        "could my than been who its now did get may i was but he she had our any please me why does where am no so",
        "de": "der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an werden aus er hat "
        "dass sie nach wird bei einer um am sind noch wie einem über so zum war haben nur oder aber vor zur bis mehr durch "
        "man ich wir ihr mein meine ihre uns kann bitte wenn mir mich was keine einen habe wurde",
        "fr": "le la les de des et un une du en est que qui dans pour pas au sur se ce il elle sont avec plus par ne je vous "
        "nous mais ou cette ont été être fait comme tout leur aux sa son ses à ai mon ma votre notre quand si y très bien "
        "peut on lui même sans c d j l n qu s",
        "es": "el la los las de que y en un una ser se no por con para su al lo como más o pero sus le ha me si sin sobre este "
        "ya entre cuando todo esta son dos también fue había era muy años hasta desde está mi porque qué del es yo hay nos "
        "puede tiene usted te he",
        "it": "il la lo le gli di che e in un una è per non con si da del della dei delle al alla sono ho ha come più ma anche "
        "nel nella o se mi ti ci questo questa molto essere io quando sul cosa perché dal i dalla hanno ad un mio suo",
        "pt": "o a os as de que e em um uma é para não com do da dos das no na por mais se como mas ao ele ela seu sua ou quando "
        "muito já eu também só pelo pela até isso entre depois sem mesmo aos tem à foi são você está meu minha ser nos às",
        "nl": "de het een en van in is dat op te zijn met voor niet aan er om ook als dan maar bij nog uit naar door over ze "
        "hij heeft wordt deze dit die ik je we u wij kan mijn uw was worden of tot wat zou geen hebben meer al",
        "pl": "w i na z do się nie że to jest o jak po co za od przez ale dla tak czy są był było być może jego jej ich tym "
        "który która które już tylko ze mam pan pani ja mnie proszę jestem oraz lub przy bardzo",
        "sv": "och i att det som en på är av för med till den har de inte om ett han men var jag sig från vi så kan när nu ska "
        "eller hon efter mycket skulle mig min du ni finns bara här detta också vid",
        "da": "og i at det som en på er af for med til den har de ikke om et han men var jeg sig fra vi så kan når nu skal eller "
        "hun efter meget ville mig min du der bare her dette også ved blev hvad hvis",
        "tr": "bir ve bu için ile de da ne çok daha ama gibi olan olarak kadar var mi sonra her ben benim o değil ki en mı "
        "ya siz sizin bana nasıl lütfen hiç şey zaman olduğu",
        "fi": "ja on ei se että oli hän joka mutta ovat kun niin myös olen mitä tai jos minä hyvin vain kuin ole sen jo voi "
        "ovat nyt tämä siitä minun kanssa mukaan voin",
    }.items()
}
_RUSSIAN, _UKRAINIAN = frozenset("\u044b\u044d\u0451"), frozenset("\u0456\u0457\u0454\u0491")
"""Letters that one of the two has and the other has not; Bulgarian has none of them, Belarusian has of both."""

_CYRILLIC_COMMON: Mapping[str, frozenset[str]] = {
    "ru": frozenset("и в не на я что он с как это а по но к у из за то все так же от бы о вы мы для мне если или нет было "
                    "есть уже когда меня был ещё при его их".split()),
    "uk": frozenset("і в не на я що він з як це а по але до у із за то все так ж від би о ви ми для мені якщо або ні було є "
                    "вже коли мене був ще при його їх та".split()),
    "bg": frozenset("и в не на аз че той с как това а по но към у от за то всички така же би о вие ние да ми ако или няма "
                    "беше е вече когато се си са ще при му им".split()),
}  # fmt: skip

LANGUAGES: tuple[str, ...] = (*_COMMON, *_CYRILLIC_COMMON, *_SCRIPTS)
"""ISO 639-1 codes that `language_of` can give."""


def language_of(text: str) -> str:
    """ISO 639-1 code of the language most of `text` is in, or `unknown`: too short, mixed, or none of those known."""
    start = text[:_LOOKED_AT]
    letters = sum(map(len, _WORD.findall(start)))
    if letters == 0:
        return UNKNOWN
    if not start.isascii() and (script := _by_script(start, letters)) is not None:
        return script
    return _by_words(start, letters)


def _by_script(text: str, letters: int) -> str | None:
    found = {name: len(pattern.findall(text)) for name, pattern in _SCRIPTS.items()}
    if found["ja"] and found["ja"] + found["zh"] > letters / 2:
        return "ja"
    name = max(found, key=lambda script: found[script])
    return name if found[name] > letters / 2 and found[name] >= 2 else None


def _by_words(text: str, letters: int) -> str:
    words = _WORD.findall(text.lower())
    is_cyrillic = len(_CYRILLIC.findall(text)) > letters / 2
    if is_cyrillic and (told := _by_cyrillic_letters(text.lower())) is not None:
        return told
    hits: Counter[str] = Counter()
    for language, common in (_CYRILLIC_COMMON if is_cyrillic else _COMMON).items():
        hits[language] = sum(word in common for word in words)
    (first, most), (_, next_most) = hits.most_common(2)
    is_sure = most >= _MIN_HITS and most >= _MIN_SHARE * len(words) and most >= _MARGIN * next_most
    return first if is_sure and letters >= _MIN_LETTERS else UNKNOWN


def _by_cyrillic_letters(text: str) -> str | None:
    is_russian, is_ukrainian = not _RUSSIAN.isdisjoint(text), not _UKRAINIAN.isdisjoint(text)
    if is_russian and is_ukrainian:
        return UNKNOWN
    return "ru" if is_russian else "uk" if is_ukrainian else None
