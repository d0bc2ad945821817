"""The group `case` with all its rooms, for `app`: what is read and what acts, cases opened, changed and joined, their files."""

from gateway.terminal import acting, files, joining, opening, shaping

room = acting.room

for part in (opening, shaping, joining, files):
    room.add_typer(part.room)
