const colours = new Map([
  ['✓', 32],
  ['!', 33],
  ['x', 31],
])

/** A line that begins with a mark, on a terminal in its colour: ✓ holds, ! should be looked at, x does not hold. */
export function coloured(line: string): string {
  const colour =
    process.stdout.isTTY && !process.env.NO_COLOR ? colours.get(/^ *(\S) /.exec(line)?.[1] ?? '') : undefined
  return colour === undefined ? line : `\u001b[${colour}m${line}\u001b[39m`
}
