import { fileURLToPath } from 'node:url'
import { containerCredentialsContract } from './container-credentials.ts'

// Run by tools/test-botocore.ts, which finds botocore: it is no *.test.ts, because `npm test` needs only Node.
const workload = {
  command: [process.env.TEST_PYTHON ?? 'python3', fileURLToPath(new URL('workload.py', import.meta.url))],
  environment: { PYTHONPATH: process.env.PYTHONPATH ?? '' },
} as const

containerCredentialsContract({
  name: 'botocore',
  workload,
  failing: workload,
  shows: {
    refusal: (code, phrase) =>
      new RegExp(`non 200 response 400 .*{"code":"${code}","message":"${phrase} \\(decision [\\w-]{22}\\)"`),
    outage: /non 200 response 503 .*{"code":"temporarily_unavailable","message":".+ \(decision [\w-]{22}\)"/,
  },
})
