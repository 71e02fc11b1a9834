/** Names in broker.yaml, as they stand in subjects, receipts and paths: `eks/eu` is an instance of `eks`, `deploy/pay` a row of `deploy`. */
export const issuerName = /^(?=.{1,20}$)[a-z][a-z0-9-]*(?:\/[a-z][a-z0-9-]*)?$/
export const ruleName = /^[a-z][a-z0-9-]{0,62}(?:\/[a-z][a-z0-9-]{0,62})?$/
export const targetName = /^[a-z][a-z0-9-]{0,62}$/
