import { parseBrokerUrl } from '../client/broker-url.ts'
import { UsageError } from './command.ts'

/** The broker's origin: as given by --broker, else by TOKEN_BROKER_URL. Throws UsageError. */
export function readBroker(given: string | undefined): string {
  const url = given ?? process.env.TOKEN_BROKER_URL
  if (!url) throw new UsageError("--broker is missing: give the broker's URL, or set TOKEN_BROKER_URL to it")
  try {
    return parseBrokerUrl(url)
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}
