import { fromEnv } from '@aws-sdk/credential-provider-env'

/** In a bundle this takes the place of the SDK's search for credentials: Lambda keeps them in the environment. */
export const defaultProvider = () => fromEnv()
