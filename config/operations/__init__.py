"""Operations: logs, health, and whether jobs run on time."""
