/** As consents have them: identity scopes by their names, those of a target as `<target>/<scope>`, and the target as `<target>/`: it may be called like a scope. */
export function consentNames(
  scopes: readonly string[],
  target: { target: string; scopes: readonly string[] } | undefined,
): string[] {
  if (target === undefined) return [...scopes]
  return [...scopes, `${target.target}/`, ...target.scopes.map((each) => `${target.target}/${each}`)]
}
