"""Migrating a database with people, groups and keys to governed people."""

from __future__ import annotations

import pytest

from tests.scratch_database import run_in_a_new_database

SCRIPT = """
import json
import django; django.setup()
from django.core.management import call_command
from django.db import connection

def run(statement, *values):
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else []

def entries(named):
    rows = run("SELECT actor, content FROM telemetry_auditentry WHERE object = %s ORDER BY seq", named)
    return [(actor, json.loads(content)["after"]) for actor, content in rows]

def add_person(name, password="!x"):
    run("INSERT INTO auth_user (username, password, first_name, last_name, email, is_active, is_staff, is_superuser, "
        "date_joined) VALUES (%s, %s, '', '', '', true, true, false, now())", name, password)

def add_key(prefix, issuer):
    run("INSERT INTO access_apikey (name, role, prefix, digest, created_at, created_by_id) "
        "VALUES ('bot', 'propose', %s, 'x', now(), (SELECT id FROM auth_user WHERE username = %s))", prefix, issuer)

call_command("migrate", verbosity=0)
call_command("migrate", "access", "0002", verbosity=0)
add_person("ada", "secret")
add_person("ADA")
run("INSERT INTO auth_user_groups (user_id, group_id) SELECT u.id, g.id FROM auth_user u, auth_group g "
    "WHERE u.username = 'ada' AND g.name = 'reviewer'")
add_key("11111111", "ada")
add_key("22222222", None)
n_before = run("SELECT count(*) FROM telemetry_auditentry")[0][0]

call_command("migrate", verbosity=0)

by = "migration access.0004_people_are_governed"
assert entries("person ada") == [(by, {
    "name": "ada", "first_name": "", "last_name": "", "email": "", "is_active": True, "is_staff": True,
    "is_superuser": False, "groups": ["reviewer"], "permissions": [], "password": "set",
})], entries("person ada")
assert entries("person ADA")[0][1]["password"] == "none"
assert entries("key 11111111")[0][1]["owner"] == "ada"
assert entries("key 22222222")[0][1]["owner"] is None
assert run("SELECT prefix, u.username FROM access_apikey k LEFT JOIN auth_user u ON u.id = k.owner_id ORDER BY 1") == [
    ("11111111", "ada"), ("22222222", None)]
assert run("SELECT key, u.username FROM access_personname n JOIN auth_user u ON u.id = n.person_id") == [("ada", "ada")]
assert entries("group reviewer")[-1][0] == by, entries("group reviewer")
n_after = run("SELECT count(*) FROM telemetry_auditentry")[0][0]
assert n_after == n_before + 8, (n_before, n_after)  # two people, two keys, four groups

call_command("migrate", verbosity=0)
assert run("SELECT count(*) FROM telemetry_auditentry")[0][0] == n_after  # nothing where nothing changes

try:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE auth_user SET is_superuser = true WHERE username = 'ada'")
except Exception as refused:
    assert "without an audit entry" in str(refused), refused
else:
    raise AssertionError("a change without an entry went through")
print("done")
"""


@pytest.mark.django_db(transaction=True)
def test_state_who_existed_and_who_owns_the_keys() -> None:
    done = run_in_a_new_database(SCRIPT)

    assert done.stdout.strip() == "done", done.stderr[-3000:]
