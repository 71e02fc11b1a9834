import type { LoginSettings } from '../trust/configuration.ts'
import { defaultAccent, textOn } from './colours.ts'
import { toShownText } from './shown-text.ts'

/** What the operator's pages have of their own. Made once, at init. */
export interface Branding {
  name: string
  /** A data: URI. */
  logo: string | undefined
  /** CSS of the two colours that the stylesheet leaves open. */
  palette: string
}

/** `issuer`: our own. Throws TypeError where the colour or the logo is none: both go where nothing is escaped or fetched. */
export function toBranding({ name, logo, accent }: LoginSettings['branding'], issuer: string): Branding {
  const colour = accent ?? defaultAccent
  if (!/^#[0-9a-f]{6}$/i.test(colour)) throw new TypeError('branding.accent is not #rrggbb')
  if (logo !== undefined && !/^data:image\/(?:svg\+xml|png)[;,]/.test(logo))
    throw new TypeError('branding.logo is not a data: URI of an SVG or PNG image')
  return {
    name: toShownText(name ?? new URL(issuer).host),
    logo,
    palette: `:root{--accent:${colour};--on-accent:${textOn(colour)}}`,
  }
}
