/** Between two words of progress, in milliseconds. */
const EVERY = 500

/** On a terminal says from time to time how far `work` is, and clears the line for what follows. */
export async function withProgress<T>(text: () => string, work: () => Promise<T>): Promise<T> {
  if (!process.stderr.isTTY) return work()
  const progress = setInterval(() => process.stderr.write(`\r${text()}`), EVERY)
  try {
    return await work()
  } finally {
    clearInterval(progress)
    process.stderr.write('\r\u001b[K')
  }
}
