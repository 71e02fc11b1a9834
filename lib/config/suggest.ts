/** ` (did you mean "x"?)` for the nearest known name within two edits, else nothing. */
export function suggestion(unknown: string, known: readonly string[]): string {
  const near = known
    .map((name) => ({ name, distance: distance(unknown, name) }))
    .filter(({ name, distance }) => distance <= Math.min(2, Math.floor(name.length / 2)))
    .toSorted((a, b) => a.distance - b.distance)[0]
  return near === undefined ? '' : ` (did you mean "${near.name}"?)`
}

/** Levenshtein's: insertions, deletions, replacements. */
export function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] as number) + 1, (next[j - 1] as number) + 1))
    }
    row = next
  }
  return row[b.length] as number
}
