import { readFileSync } from 'node:fs'
import type { Server } from 'node:http'
import { compile } from '../lib/config/compile.ts'
import { includedFiles } from '../lib/config/included-files.ts'
import { logoBelow } from '../lib/config/logo-file.ts'
import { required } from '../lib/environment.ts'
import { hasLogins } from '../lib/trust/configuration.ts'
import { startEventSource } from './event-source.ts'
import { gateway, type Routes } from './gateway.ts'
import { loadFunction, loadQueueFunction } from './load-function.ts'
import { listen } from './loopback.ts'
import { startWorld } from './world.ts'

export interface LocalBroker {
  /** Where it listens, which is also its `iss` unless that was set. */
  url: string
  issuer: string
  close(): Promise<void>
}

export interface LocalBrokerOptions {
  /** The text of broker.yaml, and the name its findings give it. */
  config: { text: string; file: string }
  /** 0: any free port. */
  port: number
  /** Our `iss`, for a run behind a proxy. Default: the listening URL. */
  issuer?: string
  dataDirectory?: string
}

/** The deployed functions behind a gateway on loopback. Throws ConfigurationError when broker.yaml does not hold. */
export async function startBroker({ config, port, issuer, dataDirectory }: LocalBrokerOptions): Promise<LocalBroker> {
  let routes: Routes | undefined
  const server = gateway(() => routes)
  const url = await listen(server, port)
  try {
    const { configuration } = compile(config.text, config.file, {
      local: true,
      issuer: issuer ?? url,
      now: Math.floor(Date.now() / 1000),
      include: includedFiles(config.file),
      logo: logoBelow(config.file),
    })
    const world = await startWorld(configuration, dataDirectory)
    const metadata = await loadFunction('metadata', configuration)
    const token = await loadFunction('token', configuration)
    const login = hasLogins(configuration) ? await loadFunction('login', configuration) : undefined
    const introspection = await loadFunction('introspection', configuration)
    const admin = await loadFunction('admin', configuration)
    const notices =
      login === undefined
        ? undefined
        : startEventSource(
            required(process.env, 'BROKER_LOGOUT_QUEUE'),
            await loadQueueFunction('logout-delivery', configuration),
          )
    const registration = configuration.registration && (await loadFunction('registration', configuration))
    routes = {
      '/token': token,
      '/credentials/{target}': token,
      ...(login === undefined
        ? {}
        : {
            '/authorize': login,
            '/login': login,
            '/callback/{issuer}': login,
            '/consent': login,
            '/logout': login,
            '/logout/confirm': login,
            '/backchannel-logout/{issuer}': login,
            '/userinfo': introspection,
          }),
      ...(registration === undefined ? {} : { '/register': registration, '/register/{client_id}': registration }),
      '/introspect': introspection,
      '/revoke': introspection,
      '/admin/revocations': admin,
      '/admin/consents': admin,
      $default: metadata,
    }
    return {
      url,
      issuer: configuration.issuer,
      async close() {
        await stop(server)
        await notices?.close()
        await world.close()
      },
    }
  } catch (error) {
    await stop(server)
    throw error
  }
}

export function readConfig(file: string): LocalBrokerOptions['config'] {
  return { text: readFileSync(file, 'utf8'), file }
}

/** Lets running requests finish, and waits for nobody who is only keeping a connection open, nor long for half a request. */
function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const patience = setTimeout(() => server.closeAllConnections(), 3_000)
    server.close(() => {
      clearTimeout(patience)
      resolve()
    })
    server.closeIdleConnections()
  })
}
