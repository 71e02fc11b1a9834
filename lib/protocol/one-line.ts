/** Text of others, for a line of ours: nothing in it starts a line of its own, or steers a terminal or a CI log. */
export function toOneLine(text: string): string {
  return (
    text
      .replaceAll(
        /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
        (character) => `\\u{${(character.codePointAt(0) as number).toString(16)}}`,
      )
      // GitHub's runner takes this for a command wherever it stands in a line.
      .replaceAll('##[', '# #[')
  )
}
