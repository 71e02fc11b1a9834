import { mock } from 'node:test'

/** What `work` writes in JSON, a line each; the test runner's own lines pass. */
export function writtenLines(work: () => void): Record<string, unknown>[] {
  let written = ''
  const mocks = [process.stdout, process.stderr].map((stream) => {
    const write = stream.write.bind(stream) as (...chunk: unknown[]) => boolean
    return mock.method(stream, 'write', (...chunk: unknown[]) => {
      if (!String(chunk[0]).startsWith('{')) return write(...chunk)
      written += String(chunk[0])
      return true
    })
  })
  try {
    work()
  } finally {
    for (const { mock } of mocks) mock.restore()
  }
  const lines = written.split('\n').filter((line) => line !== '')
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
}
