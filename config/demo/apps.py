from django.apps import AppConfig


class DemoConfig(AppConfig):
    name = "config.demo"
    label = "demo"

    def ready(self) -> None:
        """Say what the replays of the demo's trades tell of each lever."""
        from config.demo.backtest.replayed_levers import NOTES, SOURCE
        from telemetry.recording.replay_notes import describe_replays

        describe_replays(SOURCE, NOTES)
