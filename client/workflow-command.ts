// What a job of GitHub Actions tells its runner by a line (GitHub's "Workflow commands", and actions/runner, ActionCommand.cs).

/** After this line the runner shows `***` instead of the secret, and of each of its lines: of that very text, so nothing in it is changed. */
export function addMask(secret: string): string {
  return `::add-mask::${escapeData(secret)}\n`
}

/** As actions/toolkit does. */
export function escapeData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
}
