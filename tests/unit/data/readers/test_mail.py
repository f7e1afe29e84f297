"""Mailboxes: our replies with the thread before them, without quoted tails and signatures."""

import io
import zipfile

from tests.unit.data.readers.conftest import Reading

ASK = """Message-ID: <1@kunde.example>
From: Anna <anna@kunde.example>
To: desk@firm.example
Subject: =?utf-8?q?Rechnung_f=C3=BCr_M=C3=A4rz?=
Date: Mon, 02 Feb 2026 10:00:00 +0100
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

Wo ist die Rechnung f=FCr M=E4rz?

--=20
Anna Muster
Kunde GmbH
"""
ANSWER = """Message-ID: <2@firm.example>
In-Reply-To: <1@kunde.example>
References: <1@kunde.example>
From: desk@firm.example
Subject: Re: =?utf-8?q?Rechnung_f=C3=BCr_M=C3=A4rz?=
Date: Tue, 03 Feb 2026 10:00:00 +0100

Sie liegt bei.
>From hier an ist alles bezahlt.

Am 02.02.2026 um 10:00 schrieb Anna <anna@kunde.example>:
> Wo ist die Rechnung?
"""
THANKS = """Message-ID: <3@kunde.example>
In-Reply-To: <2@firm.example>
From: anna@kunde.example
Subject: Re: Rechnung
Content-Type: multipart/alternative; boundary=B

--B
Content-Type: text/html; charset=utf-8

<html><style>p {}</style><p>Danke! Und <b>April</b>?</p></html>
--B--
"""
AGAIN = """Message-ID: <4@firm.example>
In-Reply-To: <3@kunde.example>
From: tom@firm.example
Subject: Re: Rechnung

Kommt noch.
"""
BOX = "".join(f"From x Mon Feb  2 10:00:00 2026\n{mail}\n" for mail in (ASK, THANKS, ANSWER, AGAIN))
FIRST = [("user", "Rechnung für März\n\nWo ist die Rechnung für März?"),
         ("assistant", "Sie liegt bei.\nFrom hier an ist alles bezahlt.")]  # fmt: skip


def test_each_of_our_replies_is_a_row_with_the_thread_before_it(read: Reading) -> None:
    found = read(BOX, path="box.mbox", ours=("@firm.example",))
    assert found.formats == {"mail"}
    assert found.faults == []
    assert found.texts[0] == FIRST
    assert [turn[0] for turn in found.texts[1]] == ["user", "assistant", "user", "assistant"]
    assert found.texts[1][2:] == [("user", "Danke! Und April?"), ("assistant", "Kommt noch.")]
    assert {row["group"] for row in found.rows} == {"<1@kunde.example>"}
    assert {row["subject"] for row in found.rows} == {"anna@kunde.example"}
    assert [row["line"] for row in found.rows] == [3, 4]
    assert found.rows[0]["collected_on"].isoformat() == "2026-02-03"


def test_nobody_is_taken_for_our_side_by_guessing(read: Reading) -> None:
    found = read(BOX, path="box.mbox")
    assert found.rows == []
    assert "name addresses or domains in `ours`" in found.told[0]


def test_a_domain_does_not_match_a_longer_one(read: Reading) -> None:
    assert read(BOX.replace("@firm.example", "@notfirm.example"), path="box.mbox", ours=("@firm.example",)).rows == []


def test_a_single_mail_is_asked_by_what_it_quotes(read: Reading) -> None:
    found = read(ANSWER, path="one.eml", ours=("desk@firm.example",))
    assert found.texts == [[("user", "Rechnung für März\n\nWo ist die Rechnung?"), FIRST[1]]]


def test_mails_that_we_sent_first_are_no_rows_and_no_faults(read: Reading) -> None:
    found = read(f"From x\n{ASK}", path="box.mbox", ours=("@kunde.example",))
    assert (found.rows, [fault.blocking for fault in found.faults]) == ([], [False])


def test_an_unreadable_charset_and_date_do_not_stop_the_reader(read: Reading) -> None:
    odd = ANSWER.replace(
        "Date: Tue, 03 Feb 2026 10:00:00 +0100", "Date: yesterday\nContent-Type: text/plain; charset=klingon"
    )
    (row,) = read(odd, path="one.eml", ours=("@firm.example",)).rows
    assert row["collected_on"] is None


def test_an_archive_gives_its_single_files(read: Reading) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a/box.mbox", BOX)
    found = read(packed.getvalue(), path="mails.zip", ours=("@firm.example",))
    assert [row["id"] for row in found.rows] == ["mails.zip/a/box.mbox:3", "mails.zip/a/box.mbox:4"]
