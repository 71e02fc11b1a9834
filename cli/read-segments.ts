import { withProgress } from './progress.ts'

/** In how many parts the table is read at once. */
const SEGMENTS = 4

/** One page of one part of the table. */
export interface Place {
  /** From 0: this part of so many `segments`. */
  segment: number
  segments: number
  /** Where the last page of this part said to go on. */
  after?: string
}

/**
 * Reads all parts of the table, page by page: `readPage` says where its part goes on, if it does. On a terminal `progress` says
 * how far it is. Throws what `readPage` throws.
 */
export async function readSegments(
  readPage: (place: Place) => Promise<string | undefined>,
  progress: () => string,
): Promise<void> {
  // When one part fails, nobody waits for the others.
  const over = new AbortController()
  const readPart = async (segment: number) => {
    let after: string | undefined
    do after = await readPage({ segment, segments: SEGMENTS, ...(after === undefined ? {} : { after }) })
    while (after !== undefined && !over.signal.aborted)
  }
  try {
    await withProgress(progress, () => Promise.all(Array.from({ length: SEGMENTS }, (_, segment) => readPart(segment))))
  } finally {
    over.abort()
  }
}
