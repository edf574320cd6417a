"""Placeholder until the documents exist."""


def check(tree):
    return []
