"""Mails and what Casegate understands of them: a folder each, with `mail.eml` and `expected.toml`."""
