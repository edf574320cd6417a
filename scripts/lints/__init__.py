"""The project's own linters. Each has check(tree) -> list of Finding; scripts/lint runs them all."""
