// Copyright (c) 2026, the backup.audit contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Turn the list of products on the first page into a menu. Without this script it is a list of links.
"use strict";
window.addEventListener("DOMContentLoaded", () => {
  const list = document.querySelector(".products ul");
  if (!list) return;
  const label = document.createElement("label");
  const menu = document.createElement("select");
  label.append("Find your backup product: ", menu);
  menu.add(new Option("Select a product", ""));
  const items = [...list.children];
  items.forEach((item, number) => menu.add(new Option(item.querySelector("a").textContent, number)));
  const show = () => items.forEach((item, number) => { item.hidden = String(number) !== menu.value; });
  list.before(label);
  menu.addEventListener("change", show);
  // The browser may restore the selection after "Back".
  window.addEventListener("pageshow", show);
  show();
});
