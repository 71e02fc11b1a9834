import { verifierContract } from './verifiers.ts'

verifierContract('ES256')
