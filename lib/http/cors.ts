import type { APIGatewayProxyEventV2 } from 'aws-lambda'
import { header, method, path } from './request.ts'
import type { Response } from './response.ts'

const exposed = 'x-decision-id, retry-after, www-authenticate'

/**
 * Lets scripts of these origins read the answers at these paths (Fetch standard section 3.2): each by its name and never all,
 * and without cookies, of which none counts there. `paths`: each with the methods that it takes.
 */
export function withCors(
  origins: ReadonlySet<string>,
  paths: Readonly<Record<string, string>>,
  answer: (event: APIGatewayProxyEventV2) => Promise<Response>,
): (event: APIGatewayProxyEventV2) => Promise<Response> {
  return async (event) => {
    const methods = Object.hasOwn(paths, path(event)) ? paths[path(event)] : undefined
    if (methods === undefined || origins.size === 0) return answer(event)
    const origin = header(event, 'origin')
    const allowed = origin !== undefined && origins.has(origin)
    const headers = { vary: 'origin', ...(allowed ? { 'access-control-allow-origin': origin } : {}) }
    const preflight = method(event) === 'OPTIONS' && header(event, 'access-control-request-method') !== undefined
    if (allowed && preflight) {
      return {
        statusCode: 204,
        headers: {
          ...headers,
          'access-control-allow-methods': methods,
          'access-control-allow-headers': 'authorization, content-type',
          'access-control-max-age': '7200',
        },
      }
    }
    const response = await answer(event)
    return {
      ...response,
      headers: { ...response.headers, ...headers, ...(allowed ? { 'access-control-expose-headers': exposed } : {}) },
    }
  }
}
