from django.apps import AppConfig

from config.learner import LEARNS


class DeskConfig(AppConfig):
    name = "config.desk"
    label = "desk"

    def ready(self) -> None:
        """Let what learning measures be stored with drafts, and gate methods; overrides does not know its source."""
        from overrides.requests.evidence import judge_methods_with, measure_with

        if not LEARNS:
            from config.desk.measured_since import unmeasured

            judge_methods_with(unmeasured)
            return
        from learning.proposals.evidence_document import measure
        from learning.validation.strength_gate import unready_method

        measure_with(measure)
        judge_methods_with(unready_method)
