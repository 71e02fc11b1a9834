import { kmsClient } from '../lib/aws/clients.ts'
import { customResource } from '../lib/aws/custom-resource.ts'
import { powertoolsLog } from '../lib/aws/log.ts'
import { findSigningKeys, parseWantedKeys } from '../lib/aws/signing-keys.ts'

const kms = kmsClient()

/** CloudFormation's custom resource: `Keys: [{ alg, state, arn }]` in, `Keys`, the text of BROKER_SIGNING_KEYS, out. */
export const handler = customResource({
  find: async ({ Keys }, signal) => ({ Keys: await findSigningKeys(kms, parseWantedKeys(Keys), signal) }),
  whenTooLarge: 'publish fewer generations',
  log: powertoolsLog(),
})
