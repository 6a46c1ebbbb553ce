"""The fenced blocks of the documents, to be run by the letter.

doc_blocks.py commands FILE...          each command of the sh blocks: PLACE<TAB>COMMAND, without the comment behind it
doc_blocks.py blocks LANGUAGE FILE...   the blocks of a language: PLACE, a newline, the block, a NUL
"""
import re
import sys


def blocks(file):
    """(line, language, text) of each block; a block without a language is output of a program."""
    language, start, lines = None, 0, []
    for number, line in enumerate(open(file, encoding="utf-8"), 1):
        fence = re.match(r"\s*```(\w*)", line)
        if not fence:
            if language is not None:
                lines.append(line)
        elif language is None:
            language, start, lines = fence.group(1), number, []
        else:
            yield start, language, "".join(lines)
            language = None
    if language is not None:
        sys.exit(f"{file}:{start}: the block has no end")


def main():
    what, *rest = sys.argv[1:]
    if what == "commands":
        for file in rest:
            for start, language, text in blocks(file):
                if language != "sh":
                    continue
                for offset, line in enumerate(text.splitlines(), 1):
                    command = re.sub(r"\s+#\s.*", "", line).strip()
                    if command:
                        print(f"{file}:{start + offset}\t{command}")
        return
    language, *files = rest
    for file in files:
        for start, found, text in blocks(file):
            if found == language:
                sys.stdout.write(f"{file}:{start}\n{text}\0")


main()
