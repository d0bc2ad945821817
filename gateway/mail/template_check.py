"""What is wrong with templates though they compile: words that there are not, and what a language lacks.

`mail.templates` asks for it, for `casegate template check`. A template is looked through as it is written, so that a
mistake in a branch that no sample takes is found too; each problem names file and line, and how to mend it.
"""

from collections.abc import Collection, Iterator
from dataclasses import fields
from typing import get_args

from jinja2 import meta, nodes

from gateway.domain.announcement import PREFIX
from gateway.domain.policy import Vendor
from gateway.domain.toml_lines import suggest
from gateway.domain.words import Words
from gateway.mail.samples import samples
from gateway.mail.sandbox import RESERVED, Shelf, is_mail
from gateway.mail.template_files import FALLBACK


def unknown_words(shelf: Shelf, keys: Collection[str]) -> Iterator[str]:
    """Each variable in these files that no mail has, with its line."""
    for key in sorted(keys):
        tree, shown, file = shelf.parse(shelf.sources[key].text), shelf.sources[key].shown, key.partition("/")[2]
        known = {"words": _words_of(file), "vendor": frozenset(one.name for one in fields(Vendor))}
        for read in tree.find_all(nodes.Getattr):
            name = read.node.name if isinstance(read.node, nodes.Name) else ""
            if name in known and read.attr not in known[name] and not read.attr.startswith("_"):
                yield f"{shown}:{read.lineno}: there is no {name}.{read.attr} here; {suggest(read.attr, known[name])}"
        if is_mail(file):  # a part is given more by whoever includes it
            own = {node.name for node in tree.find_all(nodes.Name) if node.ctx == "store"}
            given = RESERVED | _variables_of(shelf, key)
            unknown = meta.find_undeclared_variables(tree) - given - own
            for name_node in tree.find_all(nodes.Name):
                if name_node.name in unknown:
                    yield f"{shown}:{name_node.lineno}: there is no {name_node.name}; {suggest(name_node.name, given)}"


def _variables_of(shelf: Shelf, key: str) -> frozenset[str]:
    """What `--set` gives this file by name: whatever it reads itself, or what its English form does where there is one."""
    language, _, file = key.partition("/")
    name = _name(file)
    if not name.startswith(PREFIX):
        return frozenset()
    english = language != FALLBACK and FALLBACK in shelf.languages(name)
    return shelf.variables(name, FALLBACK if english else language).all


def _words_of(file: str) -> frozenset[str]:
    """The words that a mail is written with; of a part, those of any mail."""
    name = _name(file)
    kinds = {type(words) for words in samples(name)} if is_mail(file) else set(get_args(Words))
    return frozenset(one.name for kind in kinds for one in fields(kind))


def _name(file: str) -> str:
    return file.removesuffix(".txt.j2").removesuffix(".html.j2")


def lacking(shelf: Shelf, shipped: Shelf) -> Iterator[str]:
    """The mails and parts that a language has not, which are English until it has them."""
    languages = {key.partition("/")[0] for key in shelf.sources} | shelf.phrases.languages
    parts, ours = _parts_with_words(shipped), shipped.names()
    for lang in sorted(languages - {FALLBACK}):
        if lang.partition("-")[0] in languages - {lang}:  # a region stands on its language
            continue
        missing = [name for name in ours if lang not in shelf.languages(name)]
        if missing:
            yield (
                f"{lang}: no templates for {', '.join(missing)}, which are written in English; "
                f"add {lang}/{missing[0]}.txt.j2 and {lang}/{missing[0]}.html.j2, and so on"
            )
        yield from _english_parts(shelf, lang, parts)


def _parts_with_words(shipped: Shelf) -> frozenset[str]:
    """The parts that are translated; a frame without words of its own serves all languages."""
    files = [key.split("/", 1) for key in shipped.sources]
    english = {file for lang, file in files if lang == FALLBACK and not is_mail(file)}
    return frozenset(file for lang, file in files if lang != FALLBACK and file in english)


def _english_parts(shelf: Shelf, lang: str, parts: Collection[str]) -> Iterator[str]:
    told: set[str] = set()
    for key in sorted(shelf.sources):
        if not key.startswith(f"{lang}/"):
            continue
        tree = shelf.parse(shelf.sources[key].text)
        named = [(node.template, node.lineno) for node in tree.find_all(nodes.Include)]
        named += [(node.template, node.lineno) for node in tree.find_all(nodes.Extends)]
        for template, line in named:
            part = template.value if isinstance(template, nodes.Const) else ""
            if part in parts and f"{lang}/{part}" not in shelf.sources and part not in told:
                told.add(part)
                yield (f"{shelf.sources[key].shown}:{line}: {part} is taken from English here; add {lang}/{part}")
