import type { Configuration } from '../lib/trust/configuration.ts'

/** The compiled broker.yaml, or what of it the function is for. The deployment and the local server each put their own in this place. */
declare const configuration: Configuration
export default configuration
