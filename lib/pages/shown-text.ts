/**
 * A name that others chose, as people may read it: one line, and no character that hides, reverses or erases what stands
 * beside it. Joiners and variation selectors stay, for names and emoji are written with them.
 */
export function toShownText(text: string): string {
  return (
    text
      .toWellFormed()
      .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
      .replaceAll(/(?!\u200c|\u200d|\ufe0e|\ufe0f)[\p{Cf}\p{Default_Ignorable_Code_Point}]/gu, '')
      .trim()
      // A line or two of a narrow window.
      .replace(/^(.{119})..+$/u, '$1…')
  )
}
