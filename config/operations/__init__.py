"""What an operator meets: logs, health, whether jobs run when they should."""
