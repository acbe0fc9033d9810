"""Access control: people by roles and logins, machines by API keys. Apps check `has_perm` only."""
