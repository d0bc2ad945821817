"""Templates of the vendor's own: a third language, and one that fails costs no mail and is told to agents."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.mail.templates import Templates
from gateway.resources import data_dir
from gateway.services import outbox, post_room
from gateway.store import people
from tests.answers import BOB, contact, last, text
from tests.world import World, a_mail, a_world

ALICE = "alice@vendor.example"


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    with a_world(database_url, tmp_path) as made:
        yield made


def override(world: World, folder: Path, **files: str) -> None:
    """The templates in force are these over the shipped ones: `fr__note__txt` is `fr/note.txt.j2`."""
    for key, source in files.items():
        lang, name, form = key.split("__")
        path = folder / lang / (f"{name}.{form}.j2" if form != "toml" else f"{name}.toml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
    world.ports = replace(world.ports, templates=Templates.load(data_dir("templates"), folder))


def alarms(world: World) -> list[tuple[str, str, str]]:
    """Name, text and mend of the alarms that `casegate status` shows."""
    standing = world.ports.db.read(post_room.standing, world.now, outbound=True)
    return [(alarm.name, alarm.text, alarm.mend) for alarm in standing.alarms]


def test_a_contact_reads_a_language_that_the_vendor_added(world: World, tmp_path: Path) -> None:
    """Templates, and phrases for what comes from code and rules; what it lacks is English."""
    override(
        world,
        tmp_path / "ours",
        fr__case_opened__txt="Subject: {{ words.subject }}\n\nReçu: {{ words.type_label }}\n{% include '_foot.txt.j2' %}",
        fr__case_opened__html="<p>Reçu: {{ words.type_label }}</p>",
        fr___foot__txt="\nVotre équipe {{ vendor.name }}\n",
        fr__phrases__toml='"Question" = "Une question"\n',
    )
    with world.ports.db.begin() as tx:
        people.changed(tx, replace(contact(world, BOB), lang="fr"))
    world.mail(a_mail())
    assert "Reçu: Une question\n\nVotre équipe Acme" == text(last(world, BOB)).replace("\r\n", "\n").strip()


def test_a_shipped_mail_takes_in_a_part_of_the_vendors_own(world: World, tmp_path: Path) -> None:
    override(world, tmp_path / "ours", en___case__txt="Our own foot of case {{ words.number }}\n")
    world.mail(a_mail())
    mail = text(last(world, BOB))
    assert "Thank you" in mail or "thank you" in mail
    assert mail.replace("\r\n", "\n").endswith("Our own foot of case 1001\n")


def test_a_template_that_fails_costs_no_mail_and_agents_are_told(world: World, tmp_path: Path) -> None:
    """OF-10: the shipped one stands in, and an alarm names the file and the line."""
    override(world, tmp_path / "ours", en__case_opened__txt="Subject: x\n\n{{ words.number / 0 }}\n")
    world.mail(a_mail())
    assert "1001" in text(last(world, BOB))
    ((name, said, mend),) = alarms(world)
    assert ("template", "casegate template check, then restart") == (name, mend)
    assert said.startswith("the template case_opened failed, the shipped one was used: ")
    assert f"{tmp_path}/ours/en/case_opened.txt.j2:3: ZeroDivisionError" in said
    told = text(last(world, ALICE))
    assert "case_opened.txt.j2:3: ZeroDivisionError" in told
    assert "casegate template check" in told


def test_a_template_that_fails_again_and_again_is_told_once(world: World, tmp_path: Path) -> None:
    """Also where the mail that tells of it is made of it, and only agents hear of it."""
    override(world, tmp_path / "ours", en___layout__html="{{ 1 / 0 }}", en__trouble__txt="Subject: x\n\n{{ 1 / 0 }}\n")
    for number in range(3):
        world.mail(a_mail(message_id=f"<{number}@x.example>"))
    assert [(ALICE, "alarm")] == [told for told in world.told() if told[1] == "alarm"]
    assert 1 == len(alarms(world))


def test_what_would_fail_is_told_at_the_start_and_no_more_when_it_is_mended(world: World, tmp_path: Path) -> None:
    """What a language merely lacks is no alarm: it is English, as the vendor may want it."""
    broken = {"en__note__txt": "Subject: x\n\n{% if words.number == 7 %}{{ words.nothing }}{% endif %}\n"}
    override(world, tmp_path / "ours", **broken)
    assert 1 == len(outbox.check_templates(world.ports))
    ((name, said, _),) = alarms(world)
    assert "template" == name
    assert "note.txt.j2:3: there is no words.nothing" in said
    assert [(ALICE, "alarm")] == world.told()
    outbox.check_templates(world.ports)
    assert [(ALICE, "alarm")] == world.told()
    override(world, tmp_path / "ours", en__note__txt="Subject: x\n\nours\n", fr__phrases__toml='"Question" = "x"\n')
    assert () == outbox.check_templates(world.ports)
    assert [] == alarms(world)
