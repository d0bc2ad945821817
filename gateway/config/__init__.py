"""The configuration: one TOML file, environment variables over it, secrets in files (SPEC section 16).

`app`, `wiring`, the adapters and the terminal use it; services get values made from it, never Settings.
A wrong key or value is a BadConfig with one line a problem that names file and line, or the variable.
"""

from gateway.config.loading import (
    check_rules,
    find_config,
    initial_text,
    load,
    load_policy,
    named_policy,
    post_rules,
    read_password,
    read_secret,
    require_programs,
    trust_rules,
    vendor,
)
from gateway.config.sections import (
    ImapSection,
    LmtpSection,
    OutboundSection,
    Settings,
    SmtpSection,
)

__all__ = [
    "ImapSection",
    "LmtpSection",
    "OutboundSection",
    "Settings",
    "SmtpSection",
    "check_rules",
    "find_config",
    "initial_text",
    "load",
    "load_policy",
    "named_policy",
    "post_rules",
    "read_password",
    "read_secret",
    "require_programs",
    "trust_rules",
    "vendor",
]
