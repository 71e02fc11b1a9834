/** RFC 9701 section 5: an answer that can be shown to others, and kept. */
export const INTROSPECTION_JWT = 'application/token-introspection+jwt'

/** What an introspection is answered in. */
export type IntrospectionMediaType = 'application/json' | typeof INTROSPECTION_JWT
