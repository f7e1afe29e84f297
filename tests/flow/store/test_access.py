"""Who may sign in, with what, and who holds a lease."""

import hashlib
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from luthier.errors import Busy, NotFound, Refused, UserError
from luthier.store import Owner, Store, key_secret, key_text

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECRET = bytes(range(32))
OTHER = bytes(range(1, 33))


def test_a_key_opens_what_its_user_may_do_and_nothing_else_does(store: Store) -> None:
    store.identity.create_user("ana", ["engineer", "viewer"], now=NOW)
    key = store.identity.create_key("ana", NOW, SECRET)
    found = store.identity.authenticate_key(SECRET, NOW)
    assert found
    assert (found.name, found.roles, found.key_id) == ("ana", {"engineer", "viewer"}, key.key_id)
    assert store.identity.authenticate_key(OTHER, NOW) is None
    assert store.identity.authenticate_key(b"", NOW) is None


def test_live_keys_are_those_that_open_something(store: Store) -> None:
    for number, name in enumerate(("ana", "bob", "cyd", "dan")):
        store.identity.create_user(name, ["application"], now=NOW)
        ends = NOW + timedelta(days=1) if name == "dan" else None
        key = store.identity.create_key(name, NOW, bytes([number]) * 32, expires_at=ends)
        if name == "bob":
            store.identity.revoke_key(key.key_id, NOW)
    store.identity.disable_user("cyd", NOW)
    live = {key.owner: (key.sha256, key.roles) for key in store.identity.live_keys(NOW)}
    assert live == {
        name: (hashlib.sha256(bytes([number]) * 32).hexdigest(), {"application"})
        for number, name in ((0, "ana"), (3, "dan"))
    }
    assert [key.owner for key in store.identity.live_keys(NOW + timedelta(days=2))] == ["ana"]


def test_the_database_holds_no_secret(store: Store) -> None:
    store.identity.create_user("ana", ["admin"], now=NOW, password="correct horse")
    store.identity.create_key("ana", NOW, SECRET)
    with store._database.read() as session:
        kept = str([*session.execute(text("SELECT * FROM users")), *session.execute(text("SELECT * FROM api_keys"))])
    assert hashlib.sha256(SECRET).hexdigest() in kept
    assert "argon2id" in kept
    for secret in (SECRET.hex(), key_text(SECRET), str(SECRET), "correct horse"):
        assert secret not in kept


def test_an_expired_or_revoked_key_opens_nothing(store: Store) -> None:
    store.identity.create_user("ana", ["viewer"], now=NOW)
    end = NOW + timedelta(days=1)
    store.identity.create_key("ana", NOW, SECRET, expires_at=end)
    key = store.identity.create_key("ana", NOW, OTHER)
    assert store.identity.authenticate_key(SECRET, end - timedelta(microseconds=1))
    assert store.identity.authenticate_key(SECRET, end) is None
    assert store.identity.authenticate_key(OTHER, end)
    store.identity.revoke_key(key.key_id, end)
    store.identity.revoke_key(key.key_id, end + timedelta(days=1))
    assert store.identity.authenticate_key(OTHER, NOW) is None
    assert {kept.key_id: kept.revoked_at for kept in store.identity.keys("ana")}[key.key_id] == end
    with pytest.raises(NotFound):
        store.identity.revoke_key("nothing", NOW)


def test_a_key_never_outgrows_its_user(store: Store) -> None:
    store.identity.create_user("ana", ["approver", "viewer"], now=NOW)
    with pytest.raises(Refused, match="admin"):
        store.identity.create_key("ana", NOW, OTHER, roles=["admin"])
    store.identity.create_key("ana", NOW, SECRET, roles=["approver"])
    store.identity.set_roles("ana", ["viewer"])
    assert store.identity.authenticate_key(SECRET, NOW) is None
    store.identity.set_roles("ana", ["approver", "admin"])
    found = store.identity.authenticate_key(SECRET, NOW)
    assert found
    assert found.roles == {"approver"}


def test_a_disabled_user_gets_in_by_no_way(store: Store) -> None:
    store.identity.create_user("ana", ["viewer"], now=NOW, password="correct horse")
    store.identity.create_key("ana", NOW, SECRET)
    store.identity.disable_user("ana", NOW)
    assert store.identity.authenticate_key(SECRET, NOW) is None
    assert store.identity.authenticate_password("ana", "correct horse") is None
    assert [user.disabled_at for user in store.identity.users()] == [NOW]


def test_only_the_right_password_of_a_user_who_has_one_opens(store: Store) -> None:
    store.identity.create_user("ana", ["viewer"], now=NOW, password="correct horse")
    store.identity.create_user("bot", ["application"], now=NOW)
    found = store.identity.authenticate_password("ana", "correct horse")
    assert found
    assert (found.name, found.key_id) == ("ana", None)
    for name, password in (("ana", "wrong"), ("bot", ""), ("nobody", "correct horse")):
        assert store.identity.authenticate_password(name, password) is None


@pytest.mark.parametrize(("name", "roles"), [("Ana", ["viewer"]), ("", ["viewer"]), ("ana", []), ("ana", ["king"])])
def test_a_user_with_a_bad_name_or_role_is_refused(store: Store, name: str, roles: list) -> None:
    with pytest.raises(UserError, match="cannot be a user"):
        store.identity.create_user(name, roles, now=NOW)
    assert store.identity.users() == []


def test_names_and_secrets_are_taken_once(store: Store) -> None:
    store.identity.create_user("ana", ["viewer"], now=NOW)
    with pytest.raises(Refused, match="exists"):
        store.identity.create_user("ana", ["admin"], now=NOW)
    with pytest.raises(UserError, match="32 random bytes"):
        store.identity.create_key("ana", NOW, b"short")
    with pytest.raises(NotFound):
        store.identity.create_key("bob", NOW, SECRET)
    store.identity.create_key("ana", NOW, SECRET)
    with pytest.raises(Refused, match="in use"):
        store.identity.create_key("ana", NOW, SECRET)


@given(st.binary(min_size=32, max_size=64))
def test_a_key_is_read_as_it_was_written(secret: bytes) -> None:
    assert key_secret(key_text(secret)) == secret


@pytest.mark.parametrize("shown", ["", "luthier_ä", "luthier_a", "other_AAAA", "luthier_" + "A" * 300, "luthier_A=A="])
def test_what_is_no_key_has_no_secret(shown: str) -> None:
    assert key_secret(shown) is None


def owner(name: str, pid: int | None = None) -> Owner:
    here = Owner.here(name)
    return here if pid is None else here.model_copy(update={"pid": pid})


def dead_pid() -> int:
    with subprocess.Popen([sys.executable, "-S", "-c", ""]) as process:
        process.wait()
    return process.pid


def test_a_lease_has_one_holder_and_the_others_are_told_who(store: Store) -> None:
    ana = Owner(name="ana: luthier run", machine="elsewhere/boot", pid=4711)
    store.leases.acquire("run", ana, 60, NOW)
    with pytest.raises(Busy, match=r"ana: luthier run \(process 4711 on elsewhere\)"):
        store.leases.acquire("run", owner("bob"), 60, NOW + timedelta(seconds=59))
    assert store.leases.acquire("other", owner("bob"), 60, NOW).owner == owner("bob")
    held = store.leases.holder("run", NOW)
    assert held
    assert held.owner == ana


def test_a_lease_ends_by_itself(store: Store) -> None:
    ana = Owner(name="ana", machine="elsewhere", pid=1)
    store.leases.acquire("run", ana, 60, NOW)
    later = NOW + timedelta(seconds=60)
    assert store.leases.holder("run", later) is None
    assert store.leases.acquire("run", owner("bob"), 60, later).owner.name == "bob"
    with pytest.raises(Busy, match="lost"):
        store.leases.renew("run", ana, 60, later)


def test_a_renewed_lease_lasts_longer(store: Store) -> None:
    ana = Owner(name="ana", machine="elsewhere", pid=1)
    store.leases.acquire("run", ana, 60, NOW)
    renewed = store.leases.renew("run", ana, 60, NOW + timedelta(seconds=50))
    assert renewed.expires_at == NOW + timedelta(seconds=110)
    with pytest.raises(Busy):
        store.leases.acquire("run", owner("bob"), 60, NOW + timedelta(seconds=100))


def test_a_lease_given_back_is_free_and_only_its_holder_can_give_it(store: Store) -> None:
    ana = Owner(name="ana", machine="elsewhere", pid=1)
    store.leases.acquire("run", ana, 60, NOW)
    store.leases.release("run", owner("bob"))
    with pytest.raises(Busy):
        store.leases.acquire("run", owner("bob"), 60, NOW)
    store.leases.release("run", ana)
    store.leases.release("run", ana)
    with pytest.raises(Busy, match="given back"):
        store.leases.renew("run", ana, 60, NOW)
    store.leases.acquire("run", owner("bob"), 60, NOW)


def test_the_lease_of_a_dead_process_of_this_machine_is_taken_over_at_once(store: Store) -> None:
    dead = owner("dead", dead_pid())
    store.leases.acquire("run", dead, 3600, NOW)
    assert store.leases.holder("run", NOW) is None
    assert store.leases.acquire("run", owner("bob"), 60, NOW).owner.name == "bob"


def test_the_lease_of_a_live_process_of_this_machine_is_not(store: Store) -> None:
    store.leases.acquire("run", owner("parent", os.getppid()), 3600, NOW)
    with pytest.raises(Busy, match="parent"):
        store.leases.acquire("run", owner("bob"), 60, NOW)


def test_a_process_number_means_nothing_on_another_machine(store: Store) -> None:
    store.leases.acquire("run", Owner(name="far", machine="elsewhere", pid=dead_pid()), 3600, NOW)
    with pytest.raises(Busy, match="far"):
        store.leases.acquire("run", owner("bob"), 60, NOW)
