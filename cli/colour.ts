/** On a terminal a line that begins with ✓ is green, and one that begins with x is red. */
export function coloured(line: string): string {
  if (!process.stdout.isTTY || process.env.NO_COLOR) return line
  if (/^ *✓ /.test(line)) return `\u001b[32m${line}\u001b[39m`
  return /^ *x /.test(line) ? `\u001b[31m${line}\u001b[39m` : line
}
