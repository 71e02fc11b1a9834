import type { Configuration } from '../lib/trust/configuration.ts'

/** The compiled broker.yaml. The bundler and the local server each put their own in this place. */
declare const configuration: Configuration
export default configuration
