# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Configuration files of pgBackRest: the stanzas, which of them have their own repositories, and repository types.

Without a stanza, pgBackRest lists only the repositories of the section "global". Other options, such as passphrases,
are discarded.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ansible_collections.backup.audit.plugins.module_utils._core.errors import DataError

_FOLDER = "/etc/pgbackrest"
_OLD_FILE = "/etc/pgbackrest.conf"
_GLOBAL = "global"
# Old option names have no number; they apply to the first repository.
_OPTION = re.compile(r"repo([0-9]{0,4})-([a-z0-9-]+)")
_VARIABLE = re.compile(r"PGBACKREST_REPO([0-9]{0,4})_([A-Z0-9_]+)")
# Options that define where a repository is. Others, such as those for retention, do not matter.
_LOCATION_OPTION = re.compile(r"path|type|(?:host|storage|s3|gcs|azure|sftp)(?:-.*)?")
# The type of a repository that does not set one.
_DEFAULT_TYPE = "posix"

# (number of the repository, option without the number) -> value, only for the type
_Options = dict[tuple[int, str], str]


class Configuration:
    """The options of repositories in all sections of the configuration, and in the environment."""

    def __init__(self, sections: Mapping[str, _Options], environment: Mapping[str, str]) -> None:
        self._sections = sections
        self._environment = _parse_options(
            (match[1], match[2].lower().replace("_", "-"), value)
            for name, value in environment.items()
            if (match := _VARIABLE.fullmatch(name))
        )

    def stanzas(self) -> list[str]:
        """Return the names of all stanzas that have a section."""
        names = (name.partition(":")[0] for name in self._sections)
        return list(dict.fromkeys(name for name in names if name not in ("", _GLOBAL)))

    def has_own_options(self, stanza: str) -> bool:
        """Return whether the section of a stanza contains any option of a repository."""
        return bool(self._own_options(stanza))

    def own_repositories(self, stanza: str) -> set[int]:
        """Return the repositories whose location the section of a stanza changes."""
        return {repo for repo, option in self._own_options(stanza) if _LOCATION_OPTION.fullmatch(option)}

    def _own_options(self, stanza: str) -> list[tuple[int, str]]:
        return [key for name in (stanza, f"{stanza}:info") for key in self._sections.get(name, {})]

    def repository_type(self, stanza: str, repo: int) -> str | None:
        """Return the type of a repository, or None if it is defined on another host or not in a readable file."""
        names = (f"{stanza}:info", stanza, f"{_GLOBAL}:info", _GLOBAL)
        levels = [self._environment, *(self._sections.get(name, {}) for name in names)]
        for level in levels:
            if (repo, "type") in level:
                return level[repo, "type"]
        options = {option for level in levels for number, option in level if number == repo}
        return _DEFAULT_TYPE if options and "host" not in options else None


def read_configuration(config: str | None, environment: Mapping[str, str]) -> Configuration:
    """Read the files that pgBackRest reads. Raise DataError if one of them cannot be read by this user."""
    sections: dict[str, _Options] = {}
    try:
        for text in _read_files(
            config,
            environment.get("PGBACKREST_CONFIG_PATH"),
            environment.get("PGBACKREST_CONFIG_INCLUDE_PATH"),
        ):
            for name, options in _parse(text).items():
                sections.setdefault(name, {}).update(options)
    except OSError as error:
        raise DataError(
            f"cannot read the configuration {error.filename!r} ({error.strerror}), so stanzas may be missing",
            hint='Run the task as the owner of the repository, or set "stanza"',
        ) from error
    return Configuration(sections, environment)


def _read_files(config: str | None, folder: str | None, include: str | None) -> Iterator[str]:
    base = Path(folder or _FOLDER)
    if config:
        yield _read(Path(config))
    else:
        for path in (base / "pgbackrest.conf", *([] if folder else [Path(_OLD_FILE)])):
            with contextlib.suppress(FileNotFoundError):
                yield _read(path)
                break
    # If only a file is given, pgBackRest does not read the default folder.
    if include or folder or not config:
        with contextlib.suppress(FileNotFoundError):
            for path in sorted(Path(include or base / "conf.d").iterdir()):
                if path.name.endswith(".conf"):
                    yield _read(path)


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _parse(text: str) -> dict[str, _Options]:
    sections: dict[str, list[tuple[str, str, str]]] = {}
    current: list[tuple[str, str, str]] = []
    for line in map(str.strip, text.splitlines()):
        key, _equals, value = line.partition("=")
        if line.startswith("[") and line.endswith("]"):
            current = sections.setdefault(line[1:-1].strip(), [])
        elif match := _OPTION.fullmatch(key.strip()):
            current.append((match[1], match[2], value.strip()))
    return {name: _parse_options(options) for name, options in sections.items()}


def _parse_options(options: Iterable[tuple[str, str, str]]) -> _Options:
    return {(int(repo or 1), option): value if option == "type" else "" for repo, option, value in options}
