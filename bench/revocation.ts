import { decodeJwt } from 'jose'
import { adminClient } from '../cli/admin-client.ts'
import { JWT_BEARER_ASSERTION, JWT_TYPE, TOKEN_EXCHANGE_GRANT } from '../lib/protocol/urns.ts'
import { startBroker } from '../local/broker.ts'
import { startExampleIssuer } from '../local/example-issuer.ts'
import { quickstartConfig } from '../local/quickstart.ts'
import { answerTo } from './load.ts'

/** In milliseconds, one for each time. */
export interface RevocationDelays {
  /** From sending the revocation until it was answered: from then on it is durable. */
  answered: number[]
  /** From sending it until an introspection that was asked later says inactive. */
  inactive: number[]
}

/** Where the pods of the client deploy-server are, in the quickstart's broker.yaml. */
const serviceAccount = {
  namespace: 'deploy',
  serviceaccount: { name: 's', uid: '8d1f6b1e-90f4-4a55-b2c6-7f0d2c9e4a10' },
}

/** Revokes a token so many times, as an operator does, while a resource server asks about it without a pause. */
export async function revocationDelays(times: number): Promise<RevocationDelays> {
  process.env.POWERTOOLS_LOG_LEVEL ??= 'SILENT'
  const issuer = await startExampleIssuer()
  const broker = await startBroker({ config: quickstartConfig(issuer.url), port: 0 })
  const admin = await adminClient(broker.url, '/admin/revocations')
  const proof = await issuer.signForPod({ aud: [broker.url], 'kubernetes.io': serviceAccount })
  const delays: RevocationDelays = { answered: [], inactive: [] }
  try {
    for (let time = 0; time < times; time++) {
      const subject_token = await issuer.sign({ aud: broker.url })
      const form = {
        grant_type: TOKEN_EXCHANGE_GRANT,
        subject_token_type: JWT_TYPE,
        subject_token,
        audience: 'deploy-api',
      }
      const { access_token } = await answerTo(broker.url, new URLSearchParams(form).toString())
      const question = new URLSearchParams({
        token: String(access_token),
        client_id: 'deploy-server',
        client_assertion: proof,
        client_assertion_type: JWT_BEARER_ASSERTION,
      }).toString()
      const ask = async () => (await answerTo(broker.url, question, { path: '/introspect', headers: {} })).active
      if ((await ask()) !== true) throw new Error('a token that was just issued is not active')
      const { jti } = decodeJwt(String(access_token))
      const begun = performance.now()
      const revoking = admin({ operation: 'revoke', dimension: 'jti', value: jti, reason: 'bench' }).then(() =>
        delays.answered.push(performance.now() - begun),
      )
      while (await ask());
      delays.inactive.push(performance.now() - begun)
      await revoking
    }
  } finally {
    await broker.close()
    await issuer.close()
  }
  return delays
}
