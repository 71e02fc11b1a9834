import dns from 'node:dns'

// For `node --import`: in that process every host name is this machine's.
const lookup = dns.lookup as (hostname: string, ...rest: unknown[]) => void
Object.assign(dns, { lookup: (_: string, ...rest: unknown[]) => lookup('127.0.0.1', ...rest) })
