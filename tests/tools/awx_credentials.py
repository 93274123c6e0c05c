# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The AWX credential types: login data for a product, and accounts for many servers in one credential."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

Asset = dict[str, Any]


def typed(fields: list[Asset]) -> list[Asset]:
    """Add the default type. AWX stores it, and compares the stored fields with those of an update."""
    return [{"type": "string", **field} for field in fields]


def credential_type(
    title: str, prefix: str, url_help: str, more: Mapping[str, str] | None = None, secrets: Collection[str] = ()
) -> Asset:
    """Build the credential type for one product: environment variables, and the CA as a file.

    ``more``: options that belong to the account of this product -> their environment variables.

    The TLS field is inverted on purpose: AWX sets booleans without a value to false, regardless of their default.
    """
    name = f"Backup audit: {title}"
    return {
        "name": name,
        "description": f"Reads recovery points from {title}",
        "kind": "cloud",
        "inputs": {"fields": typed(_build_fields(url_help, more or {}, secrets)), "required": ["username", "password"]},
        "injectors": {
            "env": {
                f"{prefix}_URL": "{{ url }}",
                f"{prefix}_USERNAME": "{{ username }}",
                f"{prefix}_PASSWORD": "{{ password }}",
                **{variable: f"{{{{ {name} }}}}" for name, variable in (more or {}).items()},
                f"{prefix}_CA_PATH": "{{ tower.filename.ca }}",
                f"{prefix}_FINGERPRINT": "{{ fingerprint }}",
                f"{prefix}_VALIDATE_CERTS": "{{ 'false' if skip_tls_verification else 'true' }}",
            },
            "file": {"template.ca": "{{ ca }}"},
        },
        "natural_key": {"name": name, "kind": "cloud", "type": "credential_type"},
    }


def describe_url(port: int, is_required: bool) -> str:
    """Return the help text of the field for the URL: who uses it, and its default port."""
    if not is_required:
        return "Only for a private endpoint. It applies to all hosts without backup_url."
    port_text = f" The default port is {port}." if port != 443 else ""
    return f"Only for plays that use modules directly.{port_text} The role uses backup_url of each host."


def _build_fields(url_help: str, more: Collection[str], secrets: Collection[str]) -> list[Asset]:
    return [
        {"id": "url", "label": "Server URL", "help_text": url_help},
        {"id": "username", "label": "Username"},
        {"id": "password", "label": "Password", "secret": True},
        *(
            {"id": name, "label": name.replace("_", " ").capitalize(), **({"secret": True} if name in secrets else {})}
            for name in more
        ),
        {
            "id": "ca",
            "label": "CA certificates (PEM)",
            "multiline": True,
            "help_text": "Only needed if the server uses a certificate from a private CA.",
        },
        {
            "id": "fingerprint",
            "label": "Certificate fingerprint (SHA-256)",
            "help_text": "The server must have exactly this certificate. CA certificates are then optional.",
        },
        {
            "id": "skip_tls_verification",
            "label": "Skip TLS verification",
            "type": "boolean",
            "help_text": "The identity of the server is then not verified. Every result contains a warning.",
        },
    ]


def accounts_type() -> Asset:
    """Build the type for accounts of many servers, because AWX accepts only one credential of each type per job."""
    name = "Backup audit: accounts"
    accounts: Asset = {
        "id": "accounts",
        "label": "Accounts (YAML)",
        "secret": True,
        "multiline": True,
        "help_text": "One line for each host of the inventory: HOST: {username: NAME, password: PASSWORD}",
    }
    return {
        "name": name,
        "description": "Accounts of several backup servers, including servers of the same product",
        "kind": "cloud",
        "inputs": {"fields": typed([accounts]), "required": ["accounts"]},
        "injectors": {
            "env": {"BACKUP_AUDIT_ACCOUNTS": "{{ tower.filename.accounts }}"},
            "file": {"template.accounts": "{{ accounts }}"},
        },
        "natural_key": {"name": name, "kind": "cloud", "type": "credential_type"},
    }
