import { Logger } from '@aws-lambda-powertools/logger'
import type { Log } from '../ports.ts'

/** JSON lines to CloudWatch. Only named fields ever reach it: no event, no headers, no token. */
export function powertoolsLog(): Log {
  const logger = new Logger({ serviceName: 'token-broker' })
  return {
    info: (message, fields) => logger.info(message, fields),
    warn: (message, fields) => logger.warn(message, fields),
    error: (message, fields) => logger.error(message, fields),
  }
}
