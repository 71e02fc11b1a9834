/** `#rrggbb`, all of them. `line` is the edge of what can be operated. */
export interface Colours {
  background: string
  surface: string
  text: string
  muted: string
  line: string
  rule: string
  link: string
  error: string
}

export const colours = {
  light: {
    background: '#f3f4f6',
    surface: '#ffffff',
    text: '#1b1f24',
    muted: '#57606a',
    line: '#8590a0',
    rule: '#d9dde3',
    link: '#0b57d0',
    error: '#b3261e',
  },
  dark: {
    background: '#0f1216',
    surface: '#1a1e24',
    text: '#eceff3',
    muted: '#a7b0bc',
    line: '#76818f',
    rule: '#323943',
    link: '#a8c7fa',
    error: '#ffb4ab',
  },
} as const satisfies Record<string, Colours>

/** Where the operator has chosen none. */
export const defaultAccent = '#0b57d0'

/** Of `#rrggbb` (WCAG 2.2, "relative luminance"): 0 for black, 1 for white. */
function luminance(colour: string): number {
  const [red, green, blue] = [1, 3, 5]
    .map((at) => Number.parseInt(colour.slice(at, at + 2), 16) / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)) as [number, number, number]
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/** WCAG 2.2, "contrast ratio": 1 to 21. */
export function contrast(one: string, other: string): number {
  const [lighter, darker] = [luminance(one), luminance(other)].toSorted((a, b) => b - a) as [number, number]
  return (lighter + 0.05) / (darker + 0.05)
}

/** Black or white, whichever reads better on it: at least 4.58 to 1 on every colour. */
export function textOn(colour: string): string {
  return contrast(colour, '#000000') > contrast(colour, '#ffffff') ? '#000000' : '#ffffff'
}
