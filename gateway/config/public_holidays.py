"""Public holidays of countries and regions, as plain dates; used by `config.loading` for `rules/sla.toml`.

The library is imported when a country is named, and not before: most gateways name none.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

YEARS_BACK = 10
YEARS_AHEAD = 5


@dataclass(frozen=True, slots=True)
class PublicHolidays:
    """The book (`domain.sla_file.HolidayBook`) for the years around `year`, the one in which it is read."""

    year: int

    def countries(self) -> Collection[str]:
        """Codes of ISO 3166-1, of two and of three letters."""
        return self._known().keys()

    def regions(self, country: str) -> Collection[str]:
        """Mostly codes of ISO 3166-2 without the country."""
        return self._known()[country]

    def dates(self, country: str, region: str | None) -> frozenset[date]:
        """All days off, also those that replace a holiday on a weekend."""
        from holidays import country_holidays

        years = range(self.year - YEARS_BACK, self.year + YEARS_AHEAD + 1)
        return frozenset(country_holidays(country, subdiv=region, years=years))

    def _known(self) -> dict[str, list[str]]:
        from holidays import list_supported_countries

        return list_supported_countries()
