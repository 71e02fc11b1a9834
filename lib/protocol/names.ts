/** Names in broker.yaml, as they stand in subjects, source identities and paths. */
export const issuerName = /^[a-z][a-z0-9-]{0,19}$/
export const targetName = /^[a-z][a-z0-9-]{0,62}$/
