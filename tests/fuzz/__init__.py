"""Mails that nobody would write, and what must hold of them; see `__main__`."""
