"""The shipped rule sets say what SPEC sections 4, 5 and 13 say, and a rule book is read with its lines."""

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.domain.model import Turn
from gateway.domain.policy import Policy, PostRules, Vendor, Workflow
from gateway.domain.rulebook import EVENTS, Document, Rules, build, check
from gateway.domain.toml_lines import Where, find_lines, label
from gateway.errors import BadConfig
from gateway.resources import data_dir, example_config

MAIL = """
[automatic]
strong = [{ header = "Auto-Submitted", pattern = "auto-" }]
weak = [{ header = "precedence", pattern = "bulk" }]
senders = ["no-reply"]
absence = ["out of office"]
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

TRACKER_ROWS = """
customer_reply | customer | open waiting_for_vendor investigating waiting_for_customer reopened | waiting_for_vendor
customer_reply | customer | resolved deferred closed | reopened
start | vendor | open waiting_for_vendor waiting_for_customer reopened | investigating
agent_reply | vendor | open waiting_for_vendor investigating waiting_for_customer reopened | waiting_for_customer
resolve | vendor | open waiting_for_vendor investigating waiting_for_customer reopened | resolved
close | customer | open waiting_for_vendor investigating waiting_for_customer resolved reopened deferred | closed
close | vendor | resolved | closed
reopen | customer | resolved closed deferred | reopened
reopen | vendor | resolved closed deferred | reopened
defer | vendor | open waiting_for_vendor investigating reopened | deferred
auto_close | system | resolved | closed
"""

PRODUCTION_ROWS = """
start | vendor | open waiting_on_vendor reopened | in_progress
wait_for_client | vendor | in_progress waiting_on_vendor | waiting_on_client
agent_reply | vendor | in_progress waiting_on_vendor | waiting_on_client
resolve | vendor | in_progress waiting_on_vendor | resolved
customer_reply | customer | waiting_on_client | waiting_on_vendor
customer_reply | customer | resolved closed deferred | reopened
close | customer | waiting_on_client resolved | closed
defer | vendor | waiting_on_vendor | deferred
reopen | customer | resolved closed deferred | reopened
reopen | vendor | resolved closed deferred | reopened
"""


def shipped(path: str) -> Document:
    return Document(f"rules/{path}", (data_dir("rules") / path).read_text(encoding="utf-8"))


def rules(set_name: str = "tracker", **changed: str) -> Rules:
    documents = {
        "workflow": shipped(f"{set_name}/workflow.toml"),
        "notices": shipped("notices.toml"),
        "mail": Document("rules/mail.toml", MAIL),
    }
    documents |= {name: Document(f"rules/{name}.toml", text) for name, text in changed.items()}
    return Rules(**documents)


def policy(set_name: str = "tracker") -> Policy:
    post = PostRules(service_address="service@acme.example", registration_address="register@acme.example")
    return build(rules(set_name), vendor=Vendor(name="Acme"), post=post)


def expected_steps(rows: str) -> set[tuple[str, str, str, str]]:
    steps = set()
    for row in rows.strip().splitlines():
        event, actor, sources, target = (cell.strip() for cell in row.split("|"))
        steps |= {(event, actor, source, target) for source in sources.split()}
    return steps


def steps(workflow: Workflow, case_type: str) -> set[tuple[str, str, str, str]]:
    """Every status change that the workflow lets happen to a case of this type."""
    return {
        (event, actor, status.name, row.target)
        for event in EVENTS
        for actor in ("customer", "vendor", "system")
        for status in workflow.statuses
        if (row := workflow.find(event, status.name, actor, case_type))
    }


@pytest.mark.parametrize("set_name", ["tracker", "production_support"])
def test_a_shipped_set_has_no_problems(set_name: str) -> None:
    """What we ship passes its own check."""
    assert check(rules(set_name)) == ()


@pytest.mark.parametrize(("set_name", "rows"), [("tracker", TRACKER_ROWS), ("production_support", PRODUCTION_ROWS)])
@pytest.mark.parametrize("case_type", ["question", "error", "task", "service_request"])
def test_transitions_are_those_of_the_spec(set_name: str, rows: str, case_type: str) -> None:
    """SPEC 5.1 and 5.2: these and no others."""
    assert expected_steps(rows) == steps(policy(set_name).workflow, case_type)


@pytest.mark.parametrize("case_type", ["incident", "hosting_incident"])
def test_the_vendor_alone_never_closes_an_incident(case_type: str) -> None:
    """SPEC 5.1: neither by hand nor by time; all else is as for a question."""
    kept = {
        step
        for step in expected_steps(TRACKER_ROWS)
        if (step[3], step[1]) not in {("closed", "vendor"), ("closed", "system")}
    }
    assert kept == steps(policy().workflow, case_type)


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


def test_what_goes_to_customers_is_never_internal() -> None:
    """Internal rows are for the vendor, the vendor's rows are internal, and a note is told to nobody else."""
    rows = policy().notices
    assert {"vendor"} == {row.to for row in rows if row.internal}
    assert all(row.internal for row in rows if row.to == "vendor")
    assert [("vendor", True)] == [(row.to, row.internal) for row in rows if row.kind == "note"]


def test_only_an_agents_own_words_are_unmarked() -> None:
    """RFC 3834: all other mail of ours carries Auto-Submitted."""
    assert ["agent_replied"] == [row.kind for row in policy().notices if row.automatic is None]


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
        ('set = "small"', "", " set: missing"),
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
    assert "rules/notices.toml: notice: must be tables, each [[notice]]" in check(rules(notices=""))
    assert "rules/workflow.toml: status: must be tables, each [[status]]" in check(rules(workflow=""))
    assert "rules/mail.toml: automatic: missing; it is a table, [automatic]" in check(rules(mail=""))


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
