"""The shipped rules say what SPEC sections 4, 5 and 13 say, and are read with their lines.

The transitions are held against SPEC in `tests/scenes/test_product.py`.
"""

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.config.public_holidays import PublicHolidays
from gateway.domain.model import Turn
from gateway.domain.policy import Policy, PostRules, Vendor
from gateway.domain.rulebook import Document, Rules, build, check, read_notices
from gateway.domain.toml_lines import Page, Where, find_lines, label
from gateway.errors import BadConfig
from gateway.resources import data_dir, example_config

MAIL = """
[automatic]
strong = [{ header = "Auto-Submitted", pattern = "auto-" }]
weak = [{ header = "precedence", pattern = "bulk" }]
senders = ["no-reply"]
[text]
wrote = ["wrote"]
labels = ["From"]
dividers = ["Original Message"]
taglines = ["Sent from my"]
"""

SMALL = """set = "small"
initial = "open"
opens = "question"
[[status]]
name = "open"
label = "Open"
turn = "vendor"
[[status]]
name = "closed"
label = "Closed"
turn = "nobody"
[[type]]
name = "question"
label = "Question"
[[transition]]
event = "close"
by = ["customer"]
from = ["open"]
to = "closed"
[[transition]]
event = "reopen"
by = ["vendor"]
from = ["closed"]
to = "open"
"""


def shipped(path: str) -> Document:
    return Document(f"rules/{path}", (data_dir("rules") / path).read_text(encoding="utf-8"))


def rules(set_name: str = "tracker", **changed: str) -> Rules:
    documents = {
        "workflow": shipped(f"{set_name}/workflow.toml"),
        "notices": shipped("notices.toml"),
        "mail": Document("rules/mail.toml", MAIL),
        "absence": shipped("absence.toml"),
        "thanks": shipped("thanks.toml"),
        "sla": shipped("sla.toml"),
    }
    documents |= {name: Document(f"rules/{name}.toml", text) for name, text in changed.items()}
    return Rules(**documents, holidays=PublicHolidays(2026))


def policy(set_name: str = "tracker") -> Policy:
    post = PostRules(service_address="service@acme.example", registration_address="register@acme.example")
    return build(rules(set_name), vendor=Vendor(name="Acme"), post=post)


@pytest.mark.parametrize("set_name", ["tracker", "production_support"])
def test_a_shipped_set_has_no_problems(set_name: str) -> None:
    """What we ship passes its own check."""
    assert check(rules(set_name)) == ()


def test_tracker_statuses_are_those_of_the_spec() -> None:
    """SPEC 5.1: names, labels with the vendor's name, turns; and where a case starts."""
    rules_in_force = policy()
    expected = [
        ("open", "Open", Turn.VENDOR),
        ("waiting_for_vendor", "Waiting for Acme", Turn.VENDOR),
        ("investigating", "Acme Investigating", Turn.VENDOR),
        ("waiting_for_customer", "Waiting for Customer", Turn.CUSTOMER),
        ("resolved", "Resolved", Turn.NOBODY),
        ("closed", "Closed", Turn.NOBODY),
        ("reopened", "Re-opened", Turn.VENDOR),
        ("deferred", "Deferred", Turn.NOBODY),
    ]
    names = [status.name for status in rules_in_force.workflow.statuses]
    assert expected == [(name, rules_in_force.label(name), rules_in_force.turn(name)) for name in names]
    workflow = rules_in_force.workflow
    assert ("tracker", "open", "question") == (workflow.set, workflow.initial, workflow.opens)


def test_production_support_statuses_are_those_of_the_spec() -> None:
    """SPEC 5.2: names, labels, turns."""
    rules_in_force = policy("production_support")
    expected = [
        ("open", "Open", Turn.VENDOR),
        ("in_progress", "In Progress", Turn.VENDOR),
        ("waiting_on_client", "Waiting on Client", Turn.CUSTOMER),
        ("waiting_on_vendor", "Waiting on Acme", Turn.VENDOR),
        ("resolved", "Resolved", Turn.NOBODY),
        ("closed", "Closed", Turn.NOBODY),
        ("reopened", "Re-opened", Turn.VENDOR),
        ("deferred", "Deferred", Turn.NOBODY),
    ]
    names = [status.name for status in rules_in_force.workflow.statuses]
    assert expected == [(name, rules_in_force.label(name), rules_in_force.turn(name)) for name in names]


@pytest.mark.parametrize(("set_name", "query"), [("tracker", {}), ("production_support", {"query": "P4"})])
def test_types_are_those_of_the_spec(set_name: str, query: dict[str, str]) -> None:
    """SPEC section 4; a query exists in production_support only."""
    expected = {
        "question": None,
        "incident": "priority",
        "hosting_incident": "priority",
        "error": "P4",
        "task": "P4",
        "service_request": "P4",
    }
    assert expected | query == {case_type.name: case_type.sla for case_type in policy(set_name).workflow.types}


@pytest.mark.parametrize("set_name", ["tracker", "production_support"])
def test_what_types_bring_is_what_the_spec_says(set_name: str) -> None:
    """SPEC section 4: incidents call their managers, errors the third level, nothing needs a service."""
    types = policy(set_name).workflow.types
    assert {"incident", "hosting_incident"} == {kind.name for kind in types if kind.incident}
    assert {"error": "third_level"} == {kind.name: kind.escalates_to for kind in types if kind.escalates_to}
    assert {()} == {kind.needs for kind in types}
    assert {"incident", "hosting_incident"} == {kind.name for kind in types if kind.has_priority}


@pytest.mark.parametrize("set_name", ["tracker", "production_support"])
def test_priorities_categories_and_services_are_those_of_the_spec(set_name: str) -> None:
    """SPEC sections 3 and 4: the most urgent first; who orders, who needs the PIN, what makes managers count."""
    workflow = policy(set_name).workflow
    assert ["P1", "P2", "P3", "P4"] == [priority.name for priority in workflow.priorities]
    assert "P3" == workflow.by_mail
    assert all(priority.meaning for priority in workflow.priorities)
    expected = [
        ("update", True, False),
        ("restore", True, False),
        ("book", True, False),
        ("change_contact_roles", False, True),
        ("add_contact", False, True),
    ]
    assert expected == [(item.name, item.order, item.pin) for item in workflow.categories]
    assert tuple(name for name, _, _ in expected) == workflow.categories_of("service_request")
    services = [("incident_management", True), ("premium_support", True)]
    assert services == [(item.name, item.incident_managers) for item in workflow.services]


@pytest.mark.parametrize("set_name", ["tracker", "production_support"])
def test_thanks_and_late_replies_are_as_the_spec_says(set_name: str) -> None:
    """SPEC section 5.3: thanks wake no resolved or closed case; only a closed one grows too old to be reopened."""
    statuses = policy(set_name).workflow.statuses
    assert ["resolved", "closed"] == [status.name for status in statuses if status.settled]
    assert [("closed", 30)] == [(status.name, status.reopen_days) for status in statuses if status.reopen_days]


def test_an_older_set_of_ones_own_needs_none_of_the_later_tables() -> None:
    """As long as nothing refers to them."""
    workflow = build(
        rules(workflow=SMALL),
        vendor=Vendor(name="Acme"),
        post=PostRules(service_address="s@a", registration_address="r@a"),
    ).workflow
    assert ((), (), (), "") == (workflow.priorities, workflow.categories, workflow.services, workflow.by_mail)


def test_what_goes_to_customers_is_never_internal() -> None:
    """Internal rows are for the vendor, the vendor's rows are internal, and a note is told to nobody else."""
    rows = policy().notices
    vendor = {"vendor", "team", "managers", "deciders", "called", "involved", "agents", "assignee", "named"}
    assert vendor == {row.to for row in rows if row.internal}
    assert all(row.internal for row in rows if row.to in vendor)
    assert [("vendor", True), ("named", True)] == [(row.to, row.internal) for row in rows if row.kind == "note"]


def test_only_an_agents_own_words_are_unmarked() -> None:
    """RFC 3834: all other mail of ours carries Auto-Submitted."""
    own = [(row.kind, row.events) for row in policy().notices if row.automatic is None]
    assert [("agent_replied", None), ("escalation", frozenset({"logged", "learned"}))] == own


def test_all_problems_of_all_files_are_told_at_once() -> None:
    """One run, one list: workflow, notices, mail, each in the order of its lines."""
    broken = rules(
        workflow=SMALL.replace('turn = "nobody"', 'turn = "client"'),
        notices="no TOML",
        mail=MAIL.replace('"bulk"', '"["'),
    )
    problems = check(broken)
    assert ["rules/workflow.toml:11", "rules/notices.toml:1", "rules/mail.toml:4"] == [
        problem.partition(": ")[0] for problem in problems
    ]
    with pytest.raises(BadConfig) as caught:
        build(broken, vendor=Vendor(name="Acme"), post=PostRules(service_address="s@a", registration_address="r@a"))
    assert problems == caught.value.problems


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('set = "small"', "set = 5", '1: set: must be text in quotes, such as "…"'),
        ('set = "small"', "", "1: set: missing"),
        ('initial = "open"', "inital = 'open'", "2: inital: unknown key; did you mean initial?"),
        ('turn = "nobody"', "", "8: [[status]] turn: missing"),
        ('by = ["vendor"]', 'by = "vendor"', '22: [[transition]] by: must be a list of texts, such as ["…", "…"]'),
        ('by = ["vendor"]', 'by = ["vendor", "vendor"]', '22: [[transition]] by: "vendor" is named twice'),
        (
            'to = "open"',
            'to = "open"\nnot_types = ["question"]',
            "25: [[transition]] not_types: leaves no type: this could never happen",
        ),
        (
            'event = "reopen"',
            'event = "reopen"\nnot_types = ["question"]\ntypes = ["question"]',
            "22: [[transition]] not_types: only one of types and not_types can be said",
        ),
    ],
)
def test_a_slip_in_a_workflow_is_told_with_its_line(old: str, new: str, problem: str) -> None:
    """The line is that of the value, or of its table where there is no value."""
    assert check(rules(workflow=SMALL)) == ()
    assert f"rules/workflow.toml:{problem}" in check(rules(workflow=SMALL.replace(old, new, 1)))


def test_header_names_are_read_in_any_case() -> None:
    """As mail has them; the parsed mail knows them in lower case."""
    assert ["auto-submitted"] == [mark.header for mark in policy().mail.automatic.strong]


def test_a_page_without_tables_says_what_it_lacks() -> None:
    """An empty file is no crash."""
    assert "rules/notices.toml:1: notice: must be tables, each [[notice]]" in check(rules(notices=""))
    assert "rules/workflow.toml:1: status: must be tables, each [[status]]" in check(rules(workflow=""))
    assert "rules/mail.toml:1: automatic: missing; it is a table, [automatic]" in check(rules(mail=""))


TRICKY = '''a.b = 1 # [no]
"q\\"x" = """
[no]
z = 1
"""
l = [ # c ]
  "x,]",
  { h = 'a#', p = [1,
   2] },
]
[ s ]
d = 1979-05-27 07:32:00
t = \'\'\'
[[no]]
\'\'\'\'
[[u.v]]
w=1
[[u.v]]
w = """a"""""
[u.v.x]
y = -1
[[u.v.z]]
k={}
'''


@pytest.mark.parametrize(
    ("where", "line"),
    [
        (("a", "b"), 1),
        (('q"x',), 2),
        (("l", 0), 7),
        (("l", 1, "p", 1), 9),
        (("s",), 11),
        (("s", "t"), 13),
        (("u", "v", 0, "w"), 17),
        (("u", "v", 1), 18),
        (("u", "v", 1, "w"), 19),
        (("u", "v", 1, "x", "y"), 21),
        (("u", "v", 1, "z", 0, "k"), 23),
    ],
)
def test_lines_are_found_in_tricky_text(where: Where, line: int) -> None:
    """Brackets and equals signs in strings and comments are no structure."""
    assert line == find_lines(TRICKY)[where]


def ways(value: Any, where: Where = ()) -> Iterator[Where]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in inside:
        yield (*where, key)
        yield from ways(inner, (*where, key))


@pytest.mark.parametrize(
    "text",
    [
        TRICKY,
        MAIL,
        example_config(),
        *(
            shipped(name).text
            for name in ("mail.toml", "notices.toml", "tracker/workflow.toml", "production_support/workflow.toml")
        ),
    ],
)
def test_every_value_that_tomllib_reads_has_its_line(text: str) -> None:
    """No more and no fewer ways than there are values, and each key stands in its line."""
    lines, all_ways = find_lines(text), set(ways(tomllib.loads(text)))
    assert all_ways == lines.keys()
    for where in all_ways - {('q"x',)}:
        if isinstance(where[-1], str):
            assert where[-1] in text.splitlines()[lines[where] - 1]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (("initial",), "initial"),
        (("smtp", "port"), "[smtp] port"),
        (("imap", 1, "host"), "[[imap]] host"),
        (("trust", "relays", 1), "[trust] relays"),
        (("automatic", "strong", 0, "pattern"), "[[automatic.strong]] pattern"),
    ],
)
def test_a_way_is_shown_as_people_write_it(where: Where, expected: str) -> None:
    """Brackets as in the file."""
    assert expected == label(where)


@pytest.mark.parametrize("events", ["", 'events = ["noted"]\n', 'events = ["taken", "untaken"]\n'])
def test_what_is_internal_of_an_escalation_is_told_to_no_customer(events: str) -> None:
    page = Page(
        "notices.toml", f'[[notice]]\nkind = "escalation"\nto = "participants"\ntemplate = "escalated"\n{events}'
    )
    read_notices(page)
    (problem,) = page.problems
    assert problem.endswith("noted and untaken never leave the vendor: internal = true is missing")
