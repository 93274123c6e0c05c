# Copyright (c) 2026, the backup.audit contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connection options that all info modules for APIs share."""

from __future__ import annotations


class ModuleDocFragment:
    """The fragment C(backup.audit.connection)."""

    DOCUMENTATION = r"""
options:
  validate_certs:
    description:
      - Whether to verify the server's certificate. The default is V(true) if neither this option nor its environment
        variable is set.
      - With V(false) the result contains a warning, because the identity of the server is not verified.
    type: bool
  ca_path:
    description:
      - File (PEM) or directory with the CA certificates to trust for this server.
      - The default is the CA bundle of the Python package C(requests). The CA store of the operating system,
        E(REQUESTS_CA_BUNDLE), E(CURL_CA_BUNDLE), E(SSL_CERT_FILE) and E(SSL_CERT_DIR) are ignored.
      - An empty file has the same effect as no file.
    type: path
  fingerprint:
    description:
      - SHA-256 fingerprint of the server's certificate. It is checked during the TLS handshake, so nothing is sent to a
        server with another certificate.
      - Without O(ca_path), the fingerprint alone identifies the server, so the certificate may be self-signed. With
        O(ca_path), the certificate must also be issued by one of these CAs. The host name is not compared.
    version_added: 2.0.0
    type: str
  client_cert:
    description: File (PEM) with the client certificate. It must also contain the private key unless O(client_key) is
      set.
    type: path
  client_key:
    description: File (PEM) with the private key of O(client_cert). A key that is protected by a password is rejected.
    type: path
  proxy:
    description:
      - URL of the proxy. It is used for every host, even if E(NO_PROXY) lists the host.
      - If this option is not set, E(HTTPS_PROXY), E(ALL_PROXY) and E(NO_PROXY) apply, also in lower case. A C(.netrc)
        file is never used.
      - The certificate of O(url) is also verified through a proxy. A password in the URL of the proxy is masked.
    type: str
  allow_plaintext:
    description: Whether O(url) may start with C(http://). The password is then sent unencrypted.
    type: bool
    default: false
  timeout:
    description: Maximum time in seconds to wait for a connection, and for the next part of a response. A complete
      response may take up to ten times as long.
    type: int
    default: 30
  retries:
    description:
      - Maximum number of retries of a read request after a broken connection or HTTP status 429, 502, 503 or 504. The
        delay is the one that the server requests, or an exponential backoff.
      - A rejected login is never retried, because that could lock the account.
    type: int
    default: 4
  page_size:
    description: Number of records per request. The default depends on the product.
    type: int
  connections:
    description: Maximum number of parallel requests.
    type: int
    default: 4
notes:
  - O(fingerprint), O(client_cert), O(client_key) and O(proxy) can also be set with environment variables. They have the
    same prefix as the other variables of the product, such as E(SPP_FINGERPRINT), E(SPP_CLIENT_CERT), E(SPP_CLIENT_KEY)
    and E(SPP_PROXY).
  - O(timeout), O(retries), O(page_size), O(connections) and O(allow_plaintext) have no environment variables. Use
    C(module_defaults) to set them for several tasks.
"""
