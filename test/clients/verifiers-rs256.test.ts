import { verifierContract } from './verifiers.ts'

verifierContract('RS256')
