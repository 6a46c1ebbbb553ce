"""The matrix and the score as Markdown."""
import collections


def write(file, results, seed):
    """A row for each command and stage, a column for each backend: passed of played."""
    backends = sorted({case.backend for case, _, _ in results})
    cells = collections.defaultdict(lambda: [0, 0])
    for case, complaints, _ in results:
        cell = cells[case.command, case.stage, case.backend]
        cell[0] += not complaints
        cell[1] += 1
    lines = [f"| command | stage | {' | '.join(backends)} |", "|---|---|" + "---|" * len(backends)]
    for command, stage in sorted({key[:2] for key in cells}):
        row = [f"{cells[command, stage, b][0]} of {cells[command, stage, b][1]}" if (command, stage, b) in cells else "" for b in backends]
        lines.append(f"| {command} | {stage} | {' | '.join(row)} |")
    passed = sum(1 for result in results if not result[1])
    lines.append(f"\n{passed} of {len(results)}, seed {seed}.")
    file.write_text("\n".join(lines) + "\n")
