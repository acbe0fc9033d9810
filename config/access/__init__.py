"""Who may come in: people by roles and logins, machines by keys. Apps ask `has_perm`; nobody here knows a verb."""
