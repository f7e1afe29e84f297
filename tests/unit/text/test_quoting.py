"""Mails in their parts: the author's words, the signature, the mail below."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luthier.text.quoting import split_reply


@pytest.mark.parametrize(
    ("mail", "text", "signature", "quoted"),
    [
        ("Yes.\n\nOn Mon, 2 Feb 2026 at 10:00 Ann <a@x.example> wrote:\n> Is?\n> So?", "Yes.", "", "Is?\nSo?"),
        ("Yes.\n\nOn Mon, 2 Feb 2026 at 10:00 Ann Other\n<a@x.example> wrote:\n> Is it?", "Yes.", "", "Is it?"),
        ("Ja.\n\nAm 02.02.2026 um 10:00 schrieb Ann <a@x.example>:\n> Fertig?", "Ja.", "", "Fertig?"),
        ("Oui.\n\nLe 2 févr. 2026 à 10:00, Ann <a@x.example> a écrit :\n> Prêt ?", "Oui.", "", "Prêt ?"),
        ("Yes.\n\n-----Original Message-----\nFrom: Ann\nSent: Monday\nTo: D\nSubject: x\n\nIs?", "Yes.", "", "Is?"),
        ("Yes.\n\n____________________\nFrom: Ann <a@x>\nSent: Monday\nTo: D\nSubject: x\n\nIs?", "Yes.", "", "Is?"),
        ("Ja.\n\nVon: Ann <a@x>\nGesendet: Montag\nAn: D\nBetreff: x\n\nFertig?", "Ja.", "", "Fertig?"),
        ("Yes.\n\n-- \nTom\nDesk", "Yes.", "-- \nTom\nDesk".strip(), ""),
        ("Yes.\n\nBest regards,\nTom Smith\nDesk", "Yes.", "Best regards,\nTom Smith\nDesk", ""),
        ("Ja.\n\nMit freundlichen Grüßen\nTom", "Ja.", "Mit freundlichen Grüßen\nTom", ""),
        ("Yes.\n\nSent from my iPhone", "Yes.", "Sent from my iPhone", ""),
        ("> Is it ready?\nYes.\n> And the other?\nNo.", "> Is it ready?\nYes.\n> And the other?\nNo.", "", ""),
        ("Thanks, that is all I need from your side, and best regards to the team.", None, "", ""),
        ("On Monday we met. He wrote:\nsomething", None, "", ""),
    ],
)  # fmt: skip
def test_a_mail_is_told_in_its_parts(mail: str, text: str | None, signature: str, quoted: str) -> None:
    assert split_reply(mail) == (mail if text is None else text, signature, quoted)


@given(
    st.lists(
        st.sampled_from(
            ["> a", "b", "", "-- ", "Best,", "On Mon, 2 Feb 2026 Ann wrote:", "From: Ann", "Sent: now", "---"]
        ),
        max_size=12,
    )
)
def test_no_line_of_a_mail_is_told_that_is_not_in_it(lines: list[str]) -> None:
    mail = "\n".join(lines)
    told = split_reply(mail)
    assert told.text in mail
    assert told.signature in mail
    assert all(line in mail for line in told.quoted.split("\n"))


def test_a_mail_quoted_ten_thousand_deep_is_got_through() -> None:
    split_reply("a\n" + "\n".join(f"{'>' * depth} On Mon, 2 Feb 2026 Ann wrote:" for depth in range(1, 3_000)))
