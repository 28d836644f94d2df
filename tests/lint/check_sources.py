# SPDX-License-Identifier: MIT
"""Banned functions, licence lines, sizes of functions and files.

A line that says NOLINT, with its reason, is left alone.
"""

import re

from sources import Complaints, files, name_of, without_comments

CODE = ("proto/", "broker/", "client-lib/")
SOURCES = (".c", ".h", ".def", ".py", ".sh", ".mjs")
NEVER = re.compile(r"\b(strcpy|strcat|sprintf|vsprintf|gets|atoi|atol|strtok|gmtime|localtime)\s*\(")
MEMORY = re.compile(r"\b(malloc|calloc|realloc|free|strdup|strndup|asprintf|vasprintf)\s*\(")
ENDING = re.compile(r"\b(assert|exit)\s*\(")
FILE_MAXIMUM, FUNCTION_MAXIMUM = 600, 60


def main():
    complaints = Complaints()
    for path in files(*SOURCES):
        text = path.read_text()
        check_licence(path, text, complaints)
        check_length(path, text, complaints)
        if path.suffix in (".c", ".h"):
            check_functions(path, text, complaints)
            check_banned(path, text, complaints)
    complaints.leave()


def check_licence(path, text, complaints):
    head = "\n".join(text.splitlines()[:2])
    if "SPDX-License-Identifier: MIT" not in head and path.name != "__init__.py" or not text.strip():
        complaints.add(path, 1, "the first line must be SPDX-License-Identifier: MIT")


def check_length(path, text, complaints):
    count = text.count("\n")
    if count > FILE_MAXIMUM:
        complaints.add(path, count, f"{count} lines; {FILE_MAXIMUM} at most")


def check_functions(path, text, complaints):
    start = None
    for number, line in enumerate(text.splitlines(), 1):
        if line == "{":
            start = number
        elif line == "}" and start:
            if number - start - 1 > FUNCTION_MAXIMUM:
                complaints.add(path, start, f"a function of {number - start - 1} lines")
            start = None


def check_banned(path, text, complaints):
    name = name_of(path)
    ours = name.startswith(CODE)
    is_main = re.search(r"^int main\(", text, re.MULTILINE)
    lines = text.splitlines()
    for number, line in enumerate(without_comments(text).splitlines(), 1):
        if "NOLINT" in lines[number - 1]:
            continue
        found = NEVER.search(line)
        if not found and ours and name != "proto/base/mem.c":
            found = MEMORY.search(line)
        if not found and ours:
            found = ENDING.search(line)
            if found and found[1] == "exit" and is_main:
                found = None
        if found:
            complaints.add(path, number, f"{found[1]}() is banned here (CODE_STYLE.md)")


main()
