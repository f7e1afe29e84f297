"""Support desks: each answer is a row with the thread before it; what customers never saw is in none."""

import json

from tests.unit.data.readers.conftest import Reading

TICKET = {
    "id": 35,
    "subject": "Printer on fire",
    "requester_id": 900,
    "status": "solved",
    "description": "It burns.",
    "comments": [
        {"author_id": 900, "body": "It burns.", "public": True, "created_at": "2026-02-01T10:00:00Z"},
        {"author_id": 12, "body": "He always burns things.", "public": False},
        {
            "author_id": 12,
            "html_body": "<p>Which <b>model</b>?</p>",
            "public": True,
            "created_at": "2026-02-02T10:00:00Z",
        },
        {
            "author_id": 900,
            "body": "A-7\n\nOn Mon, Feb 2, 2026 at 10:00 AM Desk <d@x.example> wrote:\n> Which model?",
            "public": True,
        },
        {
            "author_id": 12,
            "body": "Pull the plug.\n\n-- \nTom, Desk",
            "public": True,
            "created_at": "2026-02-03T10:00:00Z",
        },
    ],
}
THREAD = [
    ("user", "Printer on fire\n\nIt burns."),
    ("assistant", "Which model?"),
    ("user", "A-7"),
    ("assistant", "Pull the plug."),
]


def test_each_reply_of_the_desk_is_a_row_with_the_thread_before_it(read: Reading) -> None:
    found = read(json.dumps(TICKET))
    assert found.formats == {"zendesk"}
    assert found.texts == [THREAD[:2], THREAD]
    assert [row["id"] for row in found.rows] == ["file.jsonl:35/1", "file.jsonl:35/2"]
    assert {(row["subject"], row["group"]) for row in found.rows} == {("900", "35")}
    assert [row["collected_on"].day for row in found.rows] == [2, 3]
    assert "always burns" not in str(found.rows)


def test_a_list_of_tickets_in_an_object_is_read_ticket_by_ticket(read: Reading) -> None:
    wrapped = {"tickets": [TICKET, TICKET | {"id": 36}], "next_page": None}
    for content in (json.dumps(wrapped), json.dumps(wrapped, indent=1)):
        assert [row["group"] for row in read(content).rows] == ["35", "35", "36", "36"]


def test_without_a_requester_the_project_file_says_who_answers(read: Reading) -> None:
    anonymous = {key: value for key, value in TICKET.items() if key != "requester_id"}
    assert "neither `requester_id` nor `ours`" in read(json.dumps(anonymous)).told[0]
    assert read(json.dumps(anonymous), ours=("12",)).texts == [THREAD[:2], THREAD]


def test_a_ticket_that_nobody_answers_is_no_row_and_no_fault(read: Reading) -> None:
    found = read(json.dumps(TICKET | {"comments": TICKET["comments"][:2]}))  # type: ignore[index]
    assert (found.rows, [fault.blocking for fault in found.faults]) == ([], [False])


def test_intercom_notes_are_left_out_and_admins_answer(read: Reading) -> None:
    parts = [
        {"part_type": "note", "body": "<p>grumpy one</p>", "author": {"type": "admin", "id": "1"}},
        {"part_type": "assignment", "body": None, "author": {"type": "admin", "id": "1"}},
        {
            "part_type": "comment",
            "body": "<p>Try &amp; restart</p>",
            "author": {"type": "admin", "id": "1"},
            "created_at": 1767312000,
        },
    ]
    row = {
        "type": "conversation", "id": "c9", "created_at": 1767225600,
        "source": {"subject": "", "body": "<p>It is<br>slow</p>", "author": {"type": "user", "id": "u5"}},
        "conversation_parts": {"conversation_parts": parts},
    }  # fmt: skip
    found = read(json.dumps(row))
    assert found.formats == {"intercom"}
    assert found.texts == [[("user", "It is\nslow"), ("assistant", "Try & restart")]]
    assert (found.rows[0]["subject"], found.rows[0]["group"]) == ("u5", "c9")
