"""Casegate from a checkout: `python cli.py …` is the installed `casegate …`."""

from gateway.terminal.app import main

if __name__ == "__main__":
    main()
