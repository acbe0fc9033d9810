from __future__ import annotations

import gzip
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from rest_framework.test import APIClient

from config.access.models import ApiKey
from overrides.client.local_engine import read_engine
from overrides.core.engine.snapshot_file import unpack
from overrides.models import ModuleMode, ServingConfirmation
from overrides.serving.clients.client_confirmations import ClientConfirmations
from overrides.serving.engine import ENGINE_ROOM
from overrides.serving.holdback import holdback_secret
from tests.api_clients import bearer, client_of, faults
from tests.builders import make_spec, publish, set_mode

pytestmark = pytest.mark.django_db

URL = "/api/v1/snapshot/"


@pytest.fixture
def api() -> Iterator[APIClient]:
    yield client_of("evaluate")
    ENGINE_ROOM.close()


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> ClientConfirmations:
    """Confirmations that a test writes itself, in its own transaction."""
    made = ClientConfirmations(seconds=3600)
    monkeypatch.setattr("overrides.api.snapshot.CLIENTS", made)
    return made


class TestSnapshot:
    def test_holds_what_answers_of_the_version_in_force_depend_on(self, api: APIClient) -> None:
        publish(make_spec())
        set_mode("on", rollout_percent=50.0, allow={"bucket": ["micro"]})

        response = api.get(URL, {"module": "pm"})
        engine = read_engine(response.content, "pm")

        assert response["ETag"] == engine.tag == '"pm-1-1-4"'
        assert (engine.version, engine.mode_revision, len(engine.compiled), engine.remote) == (1, 1, 1, None)
        assert (engine.mode.rollout_percent, engine.mode.allow) == (50.0, {"bucket": ("micro",)})
        assert response["Cache-Control"] == "private, no-cache"
        assert response["Age"] == "0"

    def test_holds_the_salt_apart_and_sends_clients_that_know_none_to_the_server(self, api: APIClient) -> None:
        set_mode("on", rollout_percent=50.0)
        content = api.get(URL, {"module": "pm"}).content
        header, _ = unpack(content)

        assert header["mode"].keys() == {"mode", "rollout_percent", "allow"}
        assert "salt" in header["evaluate_remotely"]
        assert header["ask_server"] is None
        salt = ModuleMode.objects.get().rollout_salt
        assert (read_engine(content, "pm").mode.rollout_salt, len(salt)) == (salt, 16)

    def test_lets_every_client_ask_the_server_while_a_holdback_runs(self, api: APIClient) -> None:
        set_mode("on", holdback_percent=5)
        content = api.get(URL, {"module": "pm"}).content
        header, _ = unpack(content)
        secret = holdback_secret()

        assert header["mode"] == {"mode": "on", "rollout_percent": 100.0, "allow": {}}
        assert header["evaluate_remotely"] == header["ask_server"] == read_engine(content, "pm").remote
        assert "holdback" in header["ask_server"]
        assert secret not in content
        assert secret.hex().encode() not in content

    def test_lets_every_client_ask_the_server_while_a_lever_is_explored(self, api: APIClient) -> None:
        arm = {"alternative": 2, "probability": 0.5, "share_percent": 5, "rr_per_week": 5, "rr_per_position": 1}
        set_mode("on", arms={"trail_mult": arm})
        content = api.get(URL, {"module": "pm"}).content
        header, _ = unpack(content)

        assert header["evaluate_remotely"] == header["ask_server"] == read_engine(content, "pm").remote
        assert "levers are explored" in header["ask_server"]
        assert holdback_secret() not in content

    def test_is_there_before_a_first_version(self, api: APIClient) -> None:
        engine = read_engine(api.get(URL, {"module": "dm"}).content, "dm")

        assert (engine.tag, engine.version, engine.mode.mode, engine.remote) == ('"dm-0-0-4"', None, "off", None)

    def test_is_not_sent_to_who_has_it(self, api: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
        publish(make_spec())
        whole = api.get(URL, {"module": "pm"})
        monkeypatch.setattr("overrides.serving.clients.snapshot._body", None)  # it is not built again

        for accepted in ("identity", "gzip"):
            response = api.get(URL, {"module": "pm"}, HTTP_IF_NONE_MATCH=whole["ETag"], HTTP_ACCEPT_ENCODING=accepted)

            assert (response.status_code, response.content) == (304, b"")
            assert response["Snapshot-Digest"] == whole["Snapshot-Digest"] == read_engine(whole.content, "pm").digest

    def test_has_another_tag_after_a_change_of_version_or_mode(self, api: APIClient) -> None:
        publish(make_spec())
        tags = [api.get(URL, {"module": "pm"})["ETag"]]
        for change in (lambda: publish(make_spec({"size_mult": 1.2})), lambda: set_mode("on")):
            change()
            ENGINE_ROOM.refresh()
            response = api.get(URL, {"module": "pm"}, HTTP_IF_NONE_MATCH=tags[-1])
            assert response.status_code == 200
            tags.append(response["ETag"])

        assert tags == ['"pm-1-0-4"', '"pm-2-0-4"', '"pm-2-1-4"']

    def test_is_compressed_for_who_takes_that(self, api: APIClient) -> None:
        publish(make_spec())
        plain = api.get(URL, {"module": "pm"})

        packed = api.get(URL, {"module": "pm"}, HTTP_ACCEPT_ENCODING="br, gzip;q=0.5")
        refused = api.get(URL, {"module": "pm"}, HTTP_ACCEPT_ENCODING="gzip;q=0")

        assert gzip.decompress(packed.content) == plain.content == refused.content
        assert (packed["Content-Encoding"], packed["ETag"]) == ("gzip", '"pm-1-0-4.gz"')
        assert "Accept-Encoding" in packed["Vary"]

    def test_is_known_by_a_tag_that_a_proxy_has_weakened(self, api: APIClient) -> None:
        publish(make_spec())

        response = api.get(URL, {"module": "pm"}, HTTP_IF_NONE_MATCH='"other", W/"pm-1-0-4.gz"')

        assert response.status_code == 304

    def test_leaves_out_a_body_that_the_client_holds(self, api: APIClient) -> None:
        publish(make_spec())
        whole = api.get(URL, {"module": "pm"}).content
        known = read_engine(whole, "pm")
        set_mode("on")
        ENGINE_ROOM.refresh()

        response = api.get(URL, {"module": "pm", "body": known.body.sha256})

        assert unpack(response.content)[1] is None
        assert read_engine(response.content, "pm", known).mode.mode == "on"

    def test_notes_what_a_client_serves(self, api: APIClient, clients: ClientConfirmations) -> None:
        publish(make_spec())
        for name, tag in (("new", ""), ("one", '"pm-1-0-4"'), ("two", '"pm-7-9-4.gz"'), ("odd", '"dm-7-9-4"')):
            api.get(URL, {"module": "pm", "client": name}, HTTP_IF_NONE_MATCH=tag)
        clients.flush()
        clients.close()

        key = ApiKey.objects.get().prefix
        rows = ServingConfirmation.objects.filter(kind="client").values_list("name", "version", "mode_revision")
        assert {(name.removesuffix(f", key {key}"), *served) for name, *served in rows} == {
            ("new", None, None),
            ("one", 1, None),
            ("two", 7, 9),
            ("odd", None, None),
        }

    def test_notes_nothing_in_the_name_of_another_client(self, api: APIClient, clients: ClientConfirmations) -> None:
        """A forged confirmation would hide that the real one still serves what was switched off."""
        publish(make_spec())
        owner = ApiKey.objects.get().prefix
        api.get(URL, {"module": "pm", "client": "bot 7"}, HTTP_IF_NONE_MATCH='"pm-0-0-4"')
        clients.flush()
        forger = client_of("evaluate")
        for name in ("bot 7", f"bot 7, key {owner}", "host:1:2"):
            forger.get(URL, {"module": "pm", "client": name}, HTTP_IF_NONE_MATCH='"pm-1-0-4"')
        clients.flush()
        clients.close()

        found = ServingConfirmation.objects.get(name=f"bot 7, key {owner}")
        assert (found.kind, found.version) == ("client", None)
        assert ServingConfirmation.objects.filter(kind="process", name="host:1:2").count() == 0
        assert ServingConfirmation.objects.filter(kind="client").count() == 4

    def test_is_refused_to_who_may_not_resolve(self) -> None:
        assert bearer(None).get(URL, {"module": "pm"}).status_code == 401
        response = client_of("read").get(URL, {"module": "pm"})

        assert response.status_code == 403
        assert b"CWSNAP" not in response.content
        assert faults(response) == []

    @pytest.mark.parametrize(
        "sent", [{}, {"module": "xm"}, {"module": "pm", "body": "0"}, {"module": "pm", "client": ""}, {"more": "1"}]
    )
    def test_refuses_what_it_does_not_know(self, api: APIClient, sent: dict[str, str]) -> None:
        response = api.get(URL, sent)

        assert response.status_code == 400
        assert faults(response) == []

    def test_is_not_given_by_a_process_that_has_lost_the_database(
        self, api: APIClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert api.get(URL, {"module": "pm"}).status_code == 200
        for age, status in ((7.9, 200), (301.0, 503)):
            monkeypatch.setattr(ENGINE_ROOM, "stale_seconds", lambda module, age=age: age)
            response = api.get(URL, {"module": "pm"})
            assert response.status_code == status
        monkeypatch.setattr(ENGINE_ROOM, "stale_seconds", lambda module: 7.9)
        assert api.get(URL, {"module": "pm"})["Age"] == "7"


class TestClientConfirmations:
    def test_are_bounded(self) -> None:
        made = ClientConfirmations(seconds=3600, most=2)
        for name in ("a", "b", "a", "c"):
            made.note(name, "k", "pm", (1, 1), datetime.now(UTC))

        assert made.dropped == 1
        made.flush()
        assert ServingConfirmation.objects.filter(kind="client").count() == 2
        made.close()

    def test_of_one_key_do_not_crowd_out_those_of_others(self) -> None:
        made = ClientConfirmations(seconds=3600, most_of_key=2)
        for name in ("a", "b", "c", "d", "a"):
            made.note(name, "loud", "pm", (1, 1), datetime.now(UTC))
        made.note("e", "quiet", "pm", (1, 1), datetime.now(UTC))

        made.flush()
        made.close()

        assert made.dropped == 2
        names = ServingConfirmation.objects.filter(kind="client").values_list("name", flat=True)
        assert set(names) == {"a, key loud", "b, key loud", "e, key quiet"}
