/* SPDX-License-Identifier: MIT */
new Page();
