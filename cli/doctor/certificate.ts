import { once } from 'node:events'
import { isIP } from 'node:net'
import { connect } from 'node:tls'
import { counted } from '../revocation-text.ts'
import { notTried, ok, warning, type Check } from './check.ts'

/** ACM renews 60 days before the end, so below this it has not. */
const DAYS = 30
/** In milliseconds. */
const timeout = 5_000

/** How long the certificate at an origin lasts. Whether it is trusted, every other request has seen. */
export async function checkCertificate(broker: string): Promise<Check> {
  const { protocol, hostname, port } = new URL(broker)
  if (protocol !== 'https:') return notTried('certificate', 'http on loopback has none')
  const host = hostname.replace(/^\[|\]$/g, '')
  const socket = connect({ host, port: Number(port || 443), ...(isIP(host) ? {} : { servername: host }) })
  try {
    await once(socket, 'secureConnect', { signal: AbortSignal.timeout(timeout) })
    const ends_at = Date.parse(socket.getPeerCertificate().valid_to)
    const days = Math.floor((ends_at - Date.now()) / 86_400_000)
    const seen = `it ends in ${counted(days, 'day')}`
    return days >= DAYS ? ok('certificate', seen) : warning('certificate', seen, 'see in ACM why it was not renewed')
  } catch (error) {
    const { code = 'no answer' } = error as { code?: string }
    return notTried('certificate', `it could not be looked at (${code}): where a proxy stands between, that is its way`)
  } finally {
    socket.destroy()
  }
}
