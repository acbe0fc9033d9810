"""Who may come in: API keys and their roles. Apps ask only `has_perm`; nobody here knows a verb."""
