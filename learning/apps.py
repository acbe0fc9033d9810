from django.apps import AppConfig


class LearningConfig(AppConfig):
    name = "learning"
    verbose_name = "Learning: what was inferred"

    def ready(self) -> None:
        """Register with governance, which never imports a learner: successors of returned requests, and estimates."""
        from learning.proposals.materialize import AUTHOR, draft_successor, lock_drafts  # models are loaded only now
        from learning.proposals.measured_lines import measured_lines
        from overrides.requests.learned import DRAFTERS, MEASURES, Drafter

        DRAFTERS[AUTHOR] = Drafter(lock_drafts, draft_successor)
        MEASURES[self.name] = measured_lines
