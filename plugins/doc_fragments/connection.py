# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How to reach a backup server: options that all info modules share."""

from __future__ import annotations


class ModuleDocFragment:
    """The fragment C(backup.audit.connection)."""

    DOCUMENTATION = r"""
options:
  url:
    description:
      - Where the server answers, such as V(https://backup.example.com). Without a scheme V(https) is meant, without a
        port the product's own.
      - Required, here or by environment (see the notes).
    type: str
  username:
    description:
      - Name of the account. A read-only account is enough; the page of the product says which rights it needs.
      - Required, here or by environment (see the notes).
    type: str
  password:
    description:
      - Password of the account.
      - Required, here or by environment (see the notes).
    type: str
  validate_certs:
    description:
      - Whether to check the server's certificate. If neither this nor its environment variable is given, it is checked.
      - With V(false) the result carries a warning, because then nothing proves which server answered.
    type: bool
  ca_path:
    description:
      - File (PEM) or directory of the certificate authorities to trust for this server.
      - If not given, the authorities that the Python package C(requests) comes with. Neither this machine's own store
        nor E(REQUESTS_CA_BUNDLE), E(CURL_CA_BUNDLE), E(SSL_CERT_FILE) or E(SSL_CERT_DIR) is looked at.
      - A file of no bytes means that it is not given.
    type: path
  client_cert:
    description: File (PEM) with the client certificate, and with its key unless O(client_key) is given.
    type: path
  client_key:
    description: File (PEM) with the key of O(client_cert). A key that needs a password is refused.
    type: path
  proxy:
    description:
      - URL of the proxy to use.
      - If not given, E(HTTPS_PROXY), E(ALL_PROXY) and E(NO_PROXY) are honoured, also in lower case. A C(.netrc) never
        is. If given, it is used for every host, whatever E(NO_PROXY) says.
      - Over a proxy the certificate of O(url) is checked all the same. A password in it is masked.
    type: str
  allow_plaintext:
    description: Allow O(url) to start with C(http://), which sends the password in clear text.
    type: bool
    default: false
  timeout:
    description: Seconds to wait for a connection and between two pieces of an answer. A whole answer may take ten
      times as long.
    type: int
    default: 30
  retries:
    description:
      - How often a read is sent again after a broken connection or a status of 429, 502, 503 or 504, with growing
        pauses or those that the server asks for.
      - A log-in that was rejected is never tried again, because that could lock the account.
    type: int
    default: 4
  page_size:
    description: Records to ask for in one request. The default is a size that suits the product.
    type: int
  connections:
    description: How many requests may be under way at once.
    type: int
    default: 4
notes:
  - O(client_cert), O(client_key) and O(proxy) are taken from the environment too, by the prefix of the product's other
    variables, such as E(SPP_CLIENT_CERT), E(SPP_CLIENT_KEY) and E(SPP_PROXY). All other options have a default, and are
    set for many tasks at once by C(module_defaults).
"""
